#include "qerror.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* One reads the other's bytes below, and so may programs that link both libraries. */
#define SAME_MEMBER(m)                                                                         \
	static_assert(offsetof(auditq_error, m) == offsetof(alog_error, m) &&                  \
		sizeof((auditq_error *)0)->m == sizeof((alog_error *)0)->m,                    \
	    "auditq_error and alog_error differ in " #m)
SAME_MEMBER(code);
SAME_MEMBER(os_errno);
SAME_MEMBER(offset);
SAME_MEMBER(path);
SAME_MEMBER(text);
static_assert(sizeof(auditq_error) == sizeof(alog_error), "sizes of the errors differ");
static_assert(sizeof(auditq_error) == 512, "the layout is frozen");

#define SAME_CODE(c)                                                                           \
	static_assert((int)AUDITQ_##c == (int)ALOG_##c, "AUDITQ_" #c " and ALOG_" #c " differ")
SAME_CODE(EINVAL);
SAME_CODE(ENOMEM);
SAME_CODE(EIO);
SAME_CODE(ETOOBIG);
SAME_CODE(EVERSION);
SAME_CODE(ECORRUPT);
SAME_CODE(EJSON);
SAME_CODE(EREGEX);
SAME_CODE(EBUSY);

const char *
auditq_code_name(int code)
{
	switch (code) {
	case AUDITQ_EINVAL: return "AUDITQ_EINVAL";
	case AUDITQ_ENOMEM: return "AUDITQ_ENOMEM";
	case AUDITQ_EIO: return "AUDITQ_EIO";
	case AUDITQ_EEXIST: return "AUDITQ_EEXIST";
	case AUDITQ_ENOENT: return "AUDITQ_ENOENT";
	case AUDITQ_ETOOBIG: return "AUDITQ_ETOOBIG";
	case AUDITQ_EVERSION: return "AUDITQ_EVERSION";
	case AUDITQ_ECORRUPT: return "AUDITQ_ECORRUPT";
	case AUDITQ_EJSON: return "AUDITQ_EJSON";
	case AUDITQ_EREGEX: return "AUDITQ_EREGEX";
	case AUDITQ_EBUSY: return "AUDITQ_EBUSY";
	case AUDITQ_ECANCELED: return "AUDITQ_ECANCELED";
	default: return "AUDITQ_E?";
	}
}

void
qerror_reset(auditq_error *err)
{
	if (err == NULL)
		return;
	err->code = 0;
	err->os_errno = 0;
	err->offset = 0;
	err->path[0] = '\0';
	err->text[0] = '\0';
}

static void
vset(auditq_error *err, int code, int os_errno, const char *path, uint64_t offset,
    const char *fmt, va_list ap)
{
	alog_error e = { 0 };

	if (err == NULL || err->code != 0)
		return;
	(void)error_vset(&e, code, os_errno, path, offset, fmt, ap);
	memcpy(err, &e, sizeof *err);
}

int
qerror_set(auditq_error *err, int code, int os_errno, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vset(err, code, os_errno, path, 0, fmt, ap);
	va_end(ap);
	return code;
}

int
qerror_set_at(
    auditq_error *err, int code, const char *path, uint64_t offset, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vset(err, code, 0, path, offset, fmt, ap);
	va_end(ap);
	return code;
}

/* The same number means the same in both libraries, or does not exist in auditq's: what only a
 * logger can meet is to a reader of its files a refusal by the system. */
static int
own_code(const alog_error *from)
{
	switch (from->code) {
	case ALOG_EINVAL:
	case ALOG_ENOMEM:
	case ALOG_ETOOBIG:
	case ALOG_EVERSION:
	case ALOG_ECORRUPT:
	case ALOG_EJSON:
	case ALOG_EREGEX:
	case ALOG_EBUSY: return from->code;
	default: break;
	}
	switch (from->os_errno) {
	case ENOENT: return AUDITQ_ENOENT;
	case EEXIST: return AUDITQ_EEXIST;
	case ENOMEM: return AUDITQ_ENOMEM;
	default: return AUDITQ_EIO;
	}
}

int
qerror_from(auditq_error *err, const alog_error *from)
{
	const int code = own_code(from);

	if (err != NULL && err->code == 0) {
		memcpy(err, from, sizeof *err);
		err->code = code;
	}
	return code;
}

void
qwarn_send(const struct qwarn *to, int code, bool lost, const char *path, uint64_t line,
    uint64_t offset, const char *fmt, ...)
{
	auditq_warning w = {
		.code = code, .lost = lost, .path = path, .line = line, .offset = offset
	};
	alog_error e = { 0 };
	va_list ap;

	if (to == NULL || to->fn == NULL)
		return;
	va_start(ap, fmt);
	(void)error_vset(&e, code, 0, NULL, 0, fmt, ap);
	va_end(ap);
	w.text = e.text;
	to->fn(to->arg, &w);
}
