/* farm_internal.h - what the engines of the farm share: order, delivery, stopping. */
#ifndef REBIAS_FARM_INTERNAL_H
#define REBIAS_FARM_INTERNAL_H

#include "rebias/farm.h"

/* *order = numbers 0 .. count - 1, highest cost first, equal costs ascending; free() it. */
int rebias_farm_order(size_t **order, const struct rebias_farm *farm, struct rebias_error *err);

/* How an engine answers an item that asks whether to stop. */
struct rebias_farm_stop {
    bool (*ask)(void *context);
    void *context;
};

/* An item after its work; bytes are owned. */
struct rebias_farm_result {
    size_t item;
    int status;
    double seconds;
    struct rebias_buffer bytes;
    struct rebias_error error; /* when status is not REBIAS_OK */
};

/* Calls work, timed; never fails itself: a failure is the result. */
void rebias_farm_work(const struct rebias_farm *farm, size_t item,
                      struct rebias_farm_stop *stop, struct rebias_farm_result *result);

/* The account of the one place that delivers. Start with the farm alone. */
struct rebias_farm_account {
    const struct rebias_farm *farm;
    size_t delivered;
    bool interrupted; /* stop handing out, and items under way should stop */
    bool failed;      /* stop handing out */
    size_t failed_item;
    int status;
    struct rebias_error error;
};

/* Delivers a result or notes its failure, and asks progress. The bytes stay the caller's. */
void rebias_farm_take(struct rebias_farm_account *account,
                      const struct rebias_farm_result *result);

/* Asks progress, unless it has already asked to stop. */
void rebias_farm_ask(struct rebias_farm_account *account);

/* The status of the whole run, its error into err. */
int rebias_farm_close(const struct rebias_farm_account *account, struct rebias_error *err);

/* Monotonic time, s. */
double rebias_farm_now(void);

#endif
