/* image_set.c - training and test images by the name of the data set.
 * 1. files of a folder   2. IDX files   3. CIFAR-10 files   4. where to look   5. loading
 */
#include "rebias/base.h"
#include "rebias/images.h"
#include "small_set.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = REBIAS_SET_FILES, FOLDERS = 5 };

/* How a data set lies in a folder. */
struct layout {
    /* Fills path[FILES] when the folder holds the first file; then the others must be there. */
    int (*find)(char *path[FILES], const char *folder, struct rebias_error *err);
    int (*load)(struct rebias_image_set *set, char *const path[FILES],
                struct rebias_error *err);
};

/* -- 1. files of a folder -- */

/* *text = the parts one after the other (NULL = none), to be given to free(). */
static int join(char **text, const char *a, const char *b, const char *c,
                struct rebias_error *err)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 2;
    int status = rebias_alloc(text, size, 1, err);
    if (status == REBIAS_OK) {
        snprintf(*text, size, "%s/%s%s", a, b, c);
    }
    return status;
}

/* *path = folder/name or folder/name.gz, whichever exists; NULL when neither does. */
static int find_file(char **path, const char *folder, const char *name,
                     struct rebias_error *err)
{
    static const char *const endings[] = {"", ".gz"};
    *path = NULL;
    for (size_t i = 0; i < 2; i++) {
        int status = join(path, folder, name, endings[i], err);
        if (status != REBIAS_OK || access(*path, F_OK) == 0) {
            return status;
        }
        free(*path);
        *path = NULL;
    }
    return REBIAS_OK;
}

static int fail_missing(const char *folder, const char *name, const char *expected,
                        struct rebias_error *err)
{
    const struct rebias_place place = {folder, 0, 0, name};
    return rebias_fail_at(err, REBIAS_E_IO, &place, expected, "file is missing");
}

static int add_file(struct rebias_image_set *set, size_t i, const char *what, const char *path,
                    struct rebias_error *err)
{
    set->file[i] = what;
    return rebias_file_checksum(path, set->checksum[i], err);
}

static int check_shapes(const struct rebias_image_set *set, const char *test_path,
                        struct rebias_error *err)
{
    const struct rebias_images *a = &set->train;
    const struct rebias_images *b = &set->test;
    if (a->rows == b->rows && a->columns == b->columns) {
        return REBIAS_OK;
    }
    const struct rebias_place place = {test_path, 0, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "images of one size",
                          "test images are %zu x %zu, training images %zu x %zu", b->rows,
                          b->columns, a->rows, a->columns);
}

/* -- 2. IDX files -- */

enum { IDX_FILES = 4 };

static const char *const idx_names[IDX_FILES] = {
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte"};

static int find_idx(char *path[FILES], const char *folder, struct rebias_error *err)
{
    int status = find_file(&path[0], folder, idx_names[0], err);
    for (size_t i = 1; i < IDX_FILES && status == REBIAS_OK && path[0] != NULL; i++) {
        status = find_file(&path[i], folder, idx_names[i], err);
        if (status == REBIAS_OK && path[i] == NULL) {
            status = fail_missing(folder, idx_names[i], "the four files of a data set", err);
        }
    }
    return status;
}

static int load_idx(struct rebias_image_set *set, char *const path[FILES],
                    struct rebias_error *err)
{
    static const char *const what[IDX_FILES] = {"training images", "training labels",
                                                "test images", "test labels"};
    int status = rebias_images_load(&set->train, path[0], path[1], err);
    if (status == REBIAS_OK) {
        status = rebias_images_load(&set->test, path[2], path[3], err);
    }
    for (size_t i = 0; i < IDX_FILES && status == REBIAS_OK; i++) {
        status = add_file(set, i, what[i], path[i], err);
    }
    return status == REBIAS_OK ? check_shapes(set, path[2], err) : status;
}

/* -- 3. CIFAR-10 files -- */

enum { BATCHES = FILES - 1 }; /* of training images; path[BATCHES] is the test file */

static const char *const cifar_names[FILES] = {"data_batch_1.bin", "data_batch_2.bin",
                                               "data_batch_3.bin", "data_batch_4.bin",
                                               "data_batch_5.bin", "test_batch.bin"};

static int find_cifar(char *path[FILES], const char *folder, struct rebias_error *err)
{
    int status = find_file(&path[0], folder, cifar_names[0], err);
    for (size_t i = 1; i < FILES && status == REBIAS_OK && path[0] != NULL; i++) {
        status = find_file(&path[i], folder, cifar_names[i], err);
        if (status == REBIAS_OK && i < BATCHES && path[i] != NULL && path[i - 1] == NULL) {
            status = fail_missing(folder, cifar_names[i - 1], "the batches before the last one",
                                  err);
        }
    }
    if (status == REBIAS_OK && path[0] != NULL && path[BATCHES] == NULL) {
        status = fail_missing(folder, cifar_names[BATCHES], "the test images of CIFAR-10", err);
    }
    return status;
}

static int load_cifar(struct rebias_image_set *set, char *const path[FILES],
                      struct rebias_error *err)
{
    static const char *const what[FILES] = {"training batch 1", "training batch 2",
                                            "training batch 3", "training batch 4",
                                            "training batch 5", "test batch"};
    const char *batch[FILES];
    size_t batches = 0;
    for (size_t i = 0; i < BATCHES && path[i] != NULL; i++) {
        batch[batches++] = path[i];
    }
    batch[batches] = path[BATCHES];
    int status = rebias_images_load_cifar(&set->train, batch, batches, err);
    if (status == REBIAS_OK) {
        status = rebias_images_load_cifar(&set->test, batch + batches, 1, err);
    }
    for (size_t i = 0; i <= batches && status == REBIAS_OK; i++) {
        status = add_file(set, i, what[i < batches ? i : BATCHES], batch[i], err);
    }
    return status;
}

/* -- 4. where to look -- */

/* Fills folder[FOLDERS] in the order of the search; those that do not apply stay NULL. */
static int list_folders(char *folder[FOLDERS], const char *name, const char *data_dir,
                        struct rebias_error *err)
{
    int status = rebias_copy_text(&folder[0], data_dir, err);
    if (status == REBIAS_OK && data_dir != NULL) {
        status = join(&folder[1], data_dir, name, "", err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&folder[2], name, err);
    }
    if (status == REBIAS_OK) {
        status = join(&folder[3], "/usr/share/datasets", name, "", err);
    }
    if (status == REBIAS_OK) {
        status = join(&folder[4], "/usr/local/share/datasets", name, "", err);
    }
    return status;
}

static const char *how_to_get(const char *name)
{
    if (strcmp(name, "fashion-mnist") == 0) {
        return "its four IDX files; Debian and Ubuntu: apt install dataset-fashion-mnist";
    }
    if (strcmp(name, "mnist") == 0) {
        return "its four IDX files; get them with scripts/fetch-mnist";
    }
    if (strcmp(name, "cifar10") == 0) {
        return "data_batch_1.bin and test_batch.bin of its binary version: give --data DIR";
    }
    return "fashion-mnist, mnist, mnist-small, cifar10 or a folder with "
           "train-images-idx3-ubyte[.gz] and its three companions";
}

static int fail_not_found(char *const folder[FOLDERS], const char *name,
                          struct rebias_error *err)
{
    char places[192] = "";
    size_t used = 0;
    for (size_t i = 0; i < FOLDERS; i++) {
        if (folder[i] != NULL && used < sizeof places) {
            int written = snprintf(places + used, sizeof places - used, "%s%s",
                                   used > 0 ? ", " : "", folder[i]);
            used += written > 0 ? (size_t)written : 0;
        }
    }
    const struct rebias_place place = {NULL, 0, 0, name};
    return rebias_fail_at(err, REBIAS_E_NAME, &place, how_to_get(name),
                          "data set not found in %s", places);
}

static int find_set(char *path[FILES], const struct layout *layout, const char *name,
                    const char *data_dir, struct rebias_error *err)
{
    char *folder[FOLDERS] = {NULL};
    int status = list_folders(folder, name, data_dir, err);
    for (size_t i = 0; i < FOLDERS && status == REBIAS_OK && path[0] == NULL; i++) {
        if (folder[i] != NULL) {
            status = layout->find(path, folder[i], err);
        }
    }
    if (status == REBIAS_OK && path[0] == NULL) {
        status = fail_not_found(folder, name, err);
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        free(folder[i]);
    }
    return status;
}

/* -- 5. loading -- */

static int fill_from_files(struct rebias_image_set *set, const char *name, const char *data_dir,
                           struct rebias_error *err)
{
    static const struct layout idx = {find_idx, load_idx};
    static const struct layout cifar = {find_cifar, load_cifar};
    const struct layout *layout = strcmp(name, "cifar10") == 0 ? &cifar : &idx;
    char *path[FILES] = {NULL};
    int status = find_set(path, layout, name, data_dir, err);
    if (status == REBIAS_OK) {
        status = layout->load(set, path, err);
    }
    snprintf(set->source, sizeof set->source, "%s", name);
    for (size_t i = 0; i < FILES; i++) {
        free(path[i]);
    }
    return status;
}

int rebias_image_set_load(struct rebias_image_set **out, const char *name, const char *data_dir,
                          struct rebias_error *err)
{
    *out = NULL;
    struct rebias_image_set *set = NULL;
    int status = rebias_alloc(&set, 1, sizeof *set, err);
    if (status == REBIAS_OK) {
        status = strcmp(name, "mnist-small") == 0 ? rebias_small_set_fill(set, data_dir, err)
                                                  : fill_from_files(set, name, data_dir, err);
    }
    if (status != REBIAS_OK) {
        rebias_image_set_free(set);
        return status;
    }
    *out = set;
    return REBIAS_OK;
}

void rebias_image_set_free(struct rebias_image_set *set)
{
    if (set == NULL) {
        return;
    }
    rebias_images_clear(&set->train);
    rebias_images_clear(&set->test);
    free(set);
}
