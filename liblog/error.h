/* error - fill an alog_error. */
#ifndef ERROR_H
#define ERROR_H

#include <stdarg.h>
#include <stdint.h>

#include "liblog.h"

/* All accept err == NULL.  The first failure wins: a filled err is not overwritten. */
void error_reset(alog_error *err);

/* Fill err and return code.  os_errno 0 and path NULL: none; a nonzero os_errno is also spelled
 * out after the text.  A path too long for err keeps its end, after "...". */
int error_set(alog_error *err, int code, int os_errno, const char *path, const char *fmt, ...)
    ALOG_PRINTF_(5, 6);

/* The same with the byte offset that the error is about. */
int error_set_at(alog_error *err, int code, const char *path, uint64_t offset, const char *fmt,
    ...) ALOG_PRINTF_(5, 6);

/* Both at once, for callers that have arguments of their own. */
int error_vset(alog_error *err, int code, int os_errno, const char *path, uint64_t offset,
    const char *fmt, va_list ap) ALOG_PRINTF_(6, 0);

#endif
