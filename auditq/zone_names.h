/*
 * zone_names - for zone: the names of the IANA database, to tell which one was meant.
 */
#ifndef ZONE_NAMES_H
#define ZONE_NAMES_H

#include "nearest.h"

/* The nearest to what was written, or of those whose last part is nearest ("berlin": Europe/Berlin); none, where the
 * database has no list of its names. */
void zone_names_nearest(struct nearest *near, const char *written);

#endif
