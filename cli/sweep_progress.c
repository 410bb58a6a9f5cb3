/* sweep_progress.c - how far a sweep is. */
#include "sweep_progress.h"
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

double sweep_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void sweep_duration(double seconds, char text[32])
{
    const double minute = 60.0;
    const double hour = 3600.0;
    const double day = 86400.0;
    if (seconds < 2.0 * minute) {
        snprintf(text, 32, "%.3g s", seconds);
    } else if (seconds < 2.0 * hour) {
        snprintf(text, 32, "%.3g min", seconds / minute);
    } else if (seconds < 2.0 * day) {
        snprintf(text, 32, "%.3g h", seconds / hour);
    } else {
        snprintf(text, 32, "%.3g days", seconds / day);
    }
}

struct sweep_progress sweep_progress_start(const struct arguments *arguments, double cost)
{
    const double now = sweep_clock();
    return (struct sweep_progress){.arguments = arguments,
                                   .terminal = isatty(STDERR_FILENO) != 0,
                                   .start = now,
                                   .last = now,
                                   .cost = cost,
                                   .best = NAN};
}

void sweep_progress_cell(struct sweep_progress *progress, double cost, double accuracy)
{
    progress->cost_done += cost;
    progress->best = fmax(progress->best, accuracy); /* NaN gives way */
}

static void print(const struct sweep_progress *p, size_t done, size_t total, double now)
{
    const double elapsed = now - p->start;
    char left[48] = "";
    char rate[48] = "";
    char best[32] = "";
    char text[32];
    if (done > 0 && done < total && p->cost_done > 0.0) {
        sweep_duration(elapsed * (p->cost - p->cost_done) / p->cost_done, text);
        snprintf(left, sizeof left, ", %s left", text);
    }
    if (done > 0) {
        const double per_minute = 60.0 * (double)done / elapsed;
        const bool quick = per_minute >= 60.0;
        snprintf(rate, sizeof rate, ", %.3g a %s", quick ? per_minute / 60.0 : per_minute,
                 quick ? "second" : "minute");
    }
    if (!isnan(p->best)) {
        snprintf(best, sizeof best, ", best accuracy %.2f %%", 100.0 * p->best);
    }
    fprintf(stderr, "%scells: %zu of %zu%s%s%s%s", p->terminal ? "\r" : "", done, total, rate,
            left, best, p->terminal ? "\033[K" : "\n");
}

void sweep_progress_show(struct sweep_progress *progress, size_t done, size_t total)
{
    const double every = progress->terminal ? 0.2 : 60.0;
    const double now = sweep_clock();
    if (argument_flag(progress->arguments, "quiet") || now - progress->last < every) {
        return;
    }
    print(progress, done, total, now);
    progress->last = now;
    progress->shown = progress->terminal;
}

void sweep_progress_end(struct sweep_progress *progress)
{
    if (progress->shown) {
        fputc('\n', stderr);
    }
}
