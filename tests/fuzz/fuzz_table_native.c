/* fuzz_table_native.c - any sound HDF5 file as a *.jt.h5 file: refused with a message, or a
 * table that holds its promises and survives saving.
 * 1. bytes as choices   2. attributes   3. datasets   4. families   5. target
 *
 * The bytes choose what is in the file (types, ranks, storage, links, values), not the file's
 * bytes themselves: HDF5 1.10.8 reads freed memory in H5Aopen_by_name on damaged object
 * headers, which no check of ours can avoid. No bytes at all give a good table; the last bytes
 * put a family of tables beside it.
 */
#include "fuzz_input.h"
#include "rebias/family.h"
#include "rebias/table.h"
#include <hdf5.h>
#include <string.h>

/* -- 1. bytes as choices -- */

struct choices {
    const uint8_t *data;
    size_t size;
};

/* The next byte below `count`, 0 at the end. */
static unsigned choose(struct choices *from, unsigned count)
{
    if (from->size == 0) {
        return 0;
    }
    unsigned byte = *from->data;
    from->data++;
    from->size--;
    return byte % count;
}

static double choose_double(struct choices *from)
{
    double value = 0.0;
    for (size_t i = 0; i < sizeof value; i++) {
        ((uint8_t *)&value)[i] = (uint8_t)choose(from, 256);
    }
    return value;
}

/* -- 2. attributes -- */

static void write_attribute(hid_t file, const char *name, hid_t type, hid_t space,
                            const void *value)
{
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, value);
    H5Aclose(attribute);
    H5Sclose(space);
}

/* As good, variable length, padded with blanks, two strings, or not at all. */
static void add_text(hid_t file, const char *name, const char *text, struct choices *from)
{
    unsigned form = choose(from, 5);
    char twice[64] = {0};
    const hsize_t two = 2;
    hid_t type = H5Tcopy(H5T_C_S1);
    hid_t space = form == 3 ? H5Screate_simple(1, &two, NULL) : H5Screate(H5S_SCALAR);
    memcpy(twice, text, strlen(text));
    H5Tset_size(type, form == 1 ? H5T_VARIABLE : sizeof twice / 2);
    if (form == 2) {
        memset(twice + strlen(text), ' ', sizeof twice - strlen(text));
        H5Tset_strpad(type, H5T_STR_SPACEPAD);
    }
    if (form == 4) {
        H5Sclose(space);
    } else if (form == 1) {
        write_attribute(file, name, type, space, &text);
    } else {
        write_attribute(file, name, type, space, twice);
    }
    H5Tclose(type);
}

static void add_version(hid_t file, struct choices *from)
{
    unsigned form = choose(from, 4);
    const int64_t one = 1;
    const double other = choose_double(from);
    if (form < 2) {
        write_attribute(file, "format_version", H5T_NATIVE_INT64, H5Screate(H5S_SCALAR), &one);
    } else if (form == 2) {
        write_attribute(file, "format_version", H5T_NATIVE_DOUBLE, H5Screate(H5S_SCALAR),
                        &other);
    } else {
        add_text(file, "format_version", "1", from);
    }
}

/* -- 3. datasets -- */

enum { MAX_VALUES = 64 };

/* Ascending numbers in [0, 1) along a row, or whatever the bytes say. */
static void choose_values(double values[MAX_VALUES], size_t columns, struct choices *from)
{
    bool free_choice = choose(from, 3) == 2;
    for (size_t i = 0; i < MAX_VALUES; i++) {
        values[i] = free_choice ? choose_double(from) : (double)(i % columns) / (double)columns;
    }
}

static hid_t choose_type(struct choices *from)
{
    const hid_t types[] = {H5T_IEEE_F64LE, H5T_IEEE_F32LE,     H5T_IEEE_F64BE, H5T_STD_I16LE,
                           H5T_STD_U64LE,  H5T_NATIVE_LDOUBLE, H5T_STD_B8LE};
    return types[choose(from, sizeof types / sizeof types[0])];
}

static hid_t choose_storage(int rank, const hsize_t *shape, struct choices *from)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    unsigned form = choose(from, 7);
    if (form >= 2 && form <= 4) {
        H5Pset_chunk(creation, rank, shape);
    }
    if (form == 1) {
        H5Pset_layout(creation, H5D_COMPACT);
    } else if (form == 3) {
        H5Pset_shuffle(creation);
        H5Pset_deflate(creation, 4);
    } else if (form == 4) {
        H5Pset_scaleoffset(creation, H5Z_SO_FLOAT_DSCALE, 3);
    } else if (form == 5) {
        H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
    }
    return creation;
}

static void add_dataset(hid_t file, const char *name, const hsize_t good[2],
                        struct choices *from)
{
    double values[MAX_VALUES];
    hsize_t shape[3] = {good[0], good[1], 1};
    unsigned form = choose(from, 8);
    int rank = good[1] > 1 ? 2 : 1;
    if (form == 5) { /* another shape */
        shape[0] = choose(from, 5);
        shape[1] = choose(from, 5);
    } else if (form == 6) { /* another rank */
        rank = (int)choose(from, 4);
    } else if (form == 7) { /* no dataset */
        H5Lcreate_external("/dev/null", "/x", file, name, H5P_DEFAULT, H5P_DEFAULT);
        return;
    }
    choose_values(values, rank == 2 && shape[1] > 0 ? (size_t)shape[1] : MAX_VALUES, from);
    hid_t type = choose_type(from);
    hid_t creation = choose_storage(rank, shape, from);
    hid_t space = H5Screate_simple(rank, shape, NULL);
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (dataset >= 0) {
        if (H5Pget_external_count(creation) == 0 && choose(from, 8) != 7) {
            H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        }
        H5Dclose(dataset);
    }
    H5Sclose(space);
    H5Pclose(creation);
}

static void add_side(hid_t file, const char *group, struct choices *from)
{
    static const hsize_t shapes[4][2] = {{2, 1}, {3, 1}, {2, 3}, {2, 1}};
    static const char *const names[4] = {"G", "dG", "cdf", "count"};
    if (choose(from, 16) == 15) {
        return;
    }
    H5Gclose(H5Gcreate2(file, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%s", group, names[i]);
        if (i < 3 || choose(from, 2) == 1) {
            add_dataset(file, name, shapes[i], from);
        }
    }
}

/* -- 4. families -- */

/* Labels and two members, any of which may be missing or bad. */
static void add_members(hid_t file, const char *kind, struct choices *from)
{
    static const hsize_t labels[2] = {2, 1};
    char name[64];
    H5Gclose(H5Gcreate2(file, kind, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    snprintf(name, sizeof name, "%s/label", kind);
    add_dataset(file, name, labels, from);
    for (unsigned member = 0; member < 2; member++) {
        if (choose(from, 16) == 15) {
            continue;
        }
        snprintf(name, sizeof name, "%s/%u", kind, member);
        H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        snprintf(name, sizeof name, "%s/%u/set", kind, member);
        add_side(file, name, from);
        snprintf(name, sizeof name, "%s/%u/reset", kind, member);
        add_side(file, name, from);
    }
}

/* None, one of either kind, or both. */
static void add_family(hid_t file, struct choices *from)
{
    unsigned form = choose(from, 4);
    if (form == 1 || form == 3) {
        add_members(file, "/devices", from);
    }
    if (form == 2 || form == 3) {
        add_members(file, "/bootstrap", from);
    }
}

static void build_file(const char *path, struct choices *from)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (choose(from, 2) == 1) {
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    }
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    fuzz_require(file >= 0, "cannot create the file");
    add_text(file, "format", choose(from, 16) == 15 ? "weights" : "rebias jump table", from);
    add_version(file, from);
    add_text(file, "estimator", "binning", from);
    add_text(file, "provenance", "rebias 0.1.0", from);
    add_side(file, "/set", from);
    add_side(file, "/reset", from);
    add_family(file, from);
    fuzz_require(H5Fclose(file) >= 0, "cannot close the file");
}

/* -- 5. target -- */

static void check_same(const struct rebias_table *a, const struct rebias_table *b)
{
    for (int p = 0; p < 2; p++) {
        const struct rebias_table_side *x = &a->side[p];
        const struct rebias_table_side *y = &b->side[p];
        size_t bytes = x->G_count * x->dG_count * sizeof(double);
        fuzz_require(x->G_count == y->G_count && x->dG_count == y->dG_count,
                     "saving changes the shape");
        fuzz_require(memcmp(x->cdf, y->cdf, bytes) == 0, "saving changes the CDF");
        fuzz_require((x->count == NULL) == (y->count == NULL), "saving changes the counts");
    }
    fuzz_require(strcmp(a->provenance, b->provenance) == 0, "saving changes the provenance");
}

/* The family is refused with a message, or holds valid tables and survives saving. */
static void check_family(const char *path, const struct rebias_table *table)
{
    struct rebias_error err = {0};
    struct rebias_family *family = NULL;
    struct rebias_family *again = NULL;
    int status = rebias_family_load(&family, path, &err);
    fuzz_require(status == REBIAS_OK || (family == NULL && err.message[0] != '\0'),
                 "a family's failure without a message");
    fuzz_require(table != NULL || family == NULL, "a family without a table");
    if (family != NULL) {
        for (size_t i = 0; i < family->count; i++) {
            fuzz_require(rebias_table_validate(family->table[i], NULL, &err) == REBIAS_OK,
                         "member is not valid");
        }
        fuzz_require(rebias_family_save(table, family, path, &err) == REBIAS_OK,
                     "cannot save the family that was loaded");
        fuzz_require(rebias_family_load(&again, path, &err) == REBIAS_OK && again != NULL,
                     "cannot load the family that was saved");
        fuzz_require(again->count == family->count && again->kind == family->kind,
                     "saving changes the family");
        for (size_t i = 0; i < family->count; i++) {
            check_same(family->table[i], again->table[i]);
        }
    }
    rebias_family_free(family);
    rebias_family_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices from = {data, size};
    const char *path = fuzz_file(data, 0, ".jt.h5");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    build_file(path, &from);
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    int status = rebias_table_load_native(&table, path, &err);
    fuzz_require((status == REBIAS_OK) == (table != NULL), "status and data disagree");
    fuzz_require(status == REBIAS_OK || (err.status == status && err.message[0] != '\0'),
                 "failure without a message");
    fuzz_require(status == REBIAS_OK || size > 0, "the good table is refused");
    check_family(path, table);
    if (table != NULL) {
        struct rebias_table *again = NULL;
        fuzz_require(rebias_table_validate(table, NULL, &err) == REBIAS_OK,
                     "loaded table is not valid");
        fuzz_require(rebias_table_save_native(table, path, &err) == REBIAS_OK,
                     "cannot save what was loaded");
        fuzz_require(rebias_table_load_native(&again, path, &err) == REBIAS_OK,
                     "cannot load what was saved");
        check_same(table, again);
        rebias_table_free(again);
    }
    rebias_table_free(table);
    return 0;
}
