/* shared.c - what several commands share. */
#include "commands.h"
#include "rebias/estimate.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const polarity_words[2] = {"SET", "RESET"};

void print_estimators(void)
{
    printf("\nestimators (--method NAME, NAME:VALUE or NAME:OPTION=VALUE:OPTION=VALUE):\n");
    for (size_t i = 0; i < rebias_estimator_count; i++) {
        const struct rebias_estimator *e = rebias_estimators[i];
        printf("  %s: %s\n    assumes: %s\n", e->name, e->doc, e->assumes);
        for (size_t p = 0; p < e->param_count; p++) {
            const struct rebias_estimator_param *row = &e->params[p];
            if (row->choices != NULL) {
                const char *word = row->choices;
                for (int skip = (int)row->value; skip > 0; skip--) {
                    word = strchr(word, '|') + 1;
                }
                printf("    %-12s %s: %s (default %.*s)\n", row->name, row->help, row->choices,
                       (int)strcspn(word, "|"), word);
            } else {
                printf("    %-12s %s [%.15g to %.15g] (default %.15g)\n", row->name, row->help,
                       row->min, row->max, row->value);
            }
        }
    }
}

const char *spec_input(const char *spec)
{
    return spec != NULL && access(spec, R_OK) == 0 ? spec : NULL;
}
