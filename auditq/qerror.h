/* qerror - fill an auditq_error, also from liblog's. */
#ifndef QERROR_H
#define QERROR_H

#include "auditq.h"
#include "error.h"

void qerror_reset(auditq_error *err);
/* As error_set; all accept err == NULL; the first failure wins; return code. */
int qerror_set(auditq_error *err, int code, int os_errno, const char *path, const char *fmt,
    ...) ALOG_PRINTF_(5, 6);
int qerror_set_at(auditq_error *err, int code, const char *path, uint64_t offset,
    const char *fmt, ...) ALOG_PRINTF_(5, 6);
/* Take over an error of liblog's; returns the AUDITQ_E... code for it. */
int qerror_from(auditq_error *err, const alog_error *from);

/* A place to send warnings to; fn may be NULL. */
struct qwarn {
	auditq_warning_fn *fn;
	void *arg;
};
void qwarn_send(const struct qwarn *to, int code, bool lost, const char *path, uint64_t line,
    uint64_t offset, const char *fmt, ...) ALOG_PRINTF_(7, 8);

#endif
