/* images_shared.c - image sets that several parts of one process use, loaded once. */
#include "images_shared.h"
#include "rebias/base.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shared {
    char *name;
    char *data_dir; /* "" for none */
    struct rebias_image_set *set;
    size_t users;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rebias_buffer list; /* struct shared */
static bool keep;

static struct shared *at(size_t i)
{
    struct shared *shared = list.data;
    return &shared[i];
}

static void remove_at(size_t i)
{
    struct shared *gone = at(i);
    rebias_image_set_free(gone->set);
    free(gone->name);
    free(gone->data_dir);
    *gone = *at(--list.count);
}

static struct shared *find(const char *name, const char *data_dir)
{
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(at(i)->name, name) == 0 && strcmp(at(i)->data_dir, data_dir) == 0) {
            return at(i);
        }
    }
    return NULL;
}

static int load(struct rebias_image_set **set, const char *name, const char *data_dir,
                struct rebias_error *err)
{
    struct shared new = {NULL, NULL, NULL, 1};
    int status = rebias_copy_text(&new.name, name, err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&new.data_dir, data_dir != NULL ? data_dir : "", err);
    }
    if (status == REBIAS_OK) {
        status = rebias_image_set_load(&new.set, name, data_dir, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&list, sizeof new, &new, err);
    }
    if (status != REBIAS_OK) {
        rebias_image_set_free(new.set);
        free(new.name);
        free(new.data_dir);
        return status;
    }
    *set = new.set;
    return REBIAS_OK;
}

int images_take(struct rebias_image_set **set, const char *name, const char *data_dir,
                struct rebias_error *err)
{
    int status = REBIAS_OK;
    *set = NULL;
    pthread_mutex_lock(&lock);
    struct shared *known = find(name, data_dir != NULL ? data_dir : "");
    if (known != NULL) {
        known->users++;
        *set = known->set;
    } else {
        status = load(set, name, data_dir, err);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

void images_give(struct rebias_image_set *set)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < list.count && set != NULL; i++) {
        if (at(i)->set == set) {
            at(i)->users--;
            if (at(i)->users == 0 && !keep) {
                remove_at(i);
            }
            break;
        }
    }
    if (list.count == 0) {
        free(list.data);
        list = (struct rebias_buffer){NULL, 0, 0};
    }
    pthread_mutex_unlock(&lock);
}

void images_keep(void)
{
    keep = true;
}

void images_drop(void)
{
    keep = false;
    for (size_t i = list.count; i > 0; i--) {
        if (at(i - 1)->users == 0) {
            remove_at(i - 1);
        }
    }
    images_give(NULL);
}
