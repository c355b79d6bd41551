/* temp - temporary files that have no name. */
#ifndef TEMP_H
#define TEMP_H

#include "qerror.h"

/* An empty file, open for reading and writing, unlinked: in $TMPDIR, else /tmp.  Negative: AUDITQ_EIO. */
int temp_open(auditq_error *err);

#endif
