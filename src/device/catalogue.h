/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_CATALOGUE_H
#define DEVICE_CATALOGUE_H
/*
 * device/catalogue - all profiles: those that are built into the program, and
 * over them those of a folder of the admin's.
 *
 * A catalogue is an immutable snapshot, shared by reference count from any
 * thread; what points into it is valid as long as a reference is held.
 */
#include "device/profile.h"

#define DEVICE_PROFILES_MAX 512

struct device_catalogue;

/*
 * The built-in profiles and, when dir is neither NULL nor empty, the files
 * DIR/NAME.device: one with the name of a built-in profile takes its place.
 * Any fault in any file fails the whole: then *out is untouched and why has a
 * line for each.  0, E_CONFIG, E_LIMIT, -errno, -ENOMEM.  The caller owns one
 * reference.
 */
MUSTCHECK int device_catalogue_load(struct device_catalogue **out,
    const char *dir, struct buf *why);
struct device_catalogue *device_catalogue_ref(struct device_catalogue *c);
void device_catalogue_unref(struct device_catalogue *c); /* NULL: nothing */

/* In the order of their names. */
size_t device_catalogue_count(const struct device_catalogue *c);
const struct device_profile *device_catalogue_at(
    const struct device_catalogue *c, size_t i);

/*
 * By its name ("cisco-spa50x"), else by a model's ("SPA502G", case does not
 * count) if one profile alone has it; NULL.
 */
const struct device_profile *device_catalogue_find(
    const struct device_catalogue *c, struct str name);

/*
 * Read and check one file, its name included: NAME.device holds the profile
 * NAME.  As device_profile_read; -errno when it cannot be read.
 */
MUSTCHECK int device_file_read(struct device_profile **out, const char *path,
    struct buf *why);

#endif
