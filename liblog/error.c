#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[] = {
	[-ALOG_EINVAL] = "ALOG_EINVAL",
	[-ALOG_ENOMEM] = "ALOG_ENOMEM",
	[-ALOG_EIO] = "ALOG_EIO",
	[-ALOG_ECLOSED] = "ALOG_ECLOSED",
	[-ALOG_EDISABLED] = "ALOG_EDISABLED",
	[-ALOG_EDROPPED] = "ALOG_EDROPPED",
	[-ALOG_ETIMEOUT] = "ALOG_ETIMEOUT",
	[-ALOG_ECLASH] = "ALOG_ECLASH",
	[-ALOG_ETOOBIG] = "ALOG_ETOOBIG",
	[-ALOG_EVERSION] = "ALOG_EVERSION",
	[-ALOG_ECORRUPT] = "ALOG_ECORRUPT",
	[-ALOG_EJSON] = "ALOG_EJSON",
	[-ALOG_EREGEX] = "ALOG_EREGEX",
	[-ALOG_EBUSY] = "ALOG_EBUSY",
	[-ALOG_EUNSUPPORTED] = "ALOG_EUNSUPPORTED",
	[-ALOG_EFORMAT] = "ALOG_EFORMAT",
};

const char *
alog_code_name(int code)
{
	const int n = sizeof code_names / sizeof code_names[0];

	if (code >= 0 || code <= -n || code_names[-code] == NULL)
		return "ALOG_E?";
	return code_names[-code];
}

void
error_reset(alog_error *err)
{
	if (err == NULL)
		return;
	err->code = 0;
	err->os_errno = 0;
	err->offset = 0;
	err->path[0] = '\0';
	err->text[0] = '\0';
}

/* The end of a path says more than its beginning, so that is what is kept of a long one. */
static void
set_path(char dst[240], const char *path)
{
	const size_t room = sizeof((alog_error *)0)->path;
	const size_t n = path != NULL ? strlen(path) : 0;

	if (n < room) {
		memcpy(dst, path != NULL ? path : "", n + 1);
		return;
	}
	memcpy(dst, "...", 3);
	memcpy(dst + 3, path + n + 1 - (room - 3), room - 3);
}

/* A text may quote a file name or a caller's argument, which may hold anything. */
static void
make_one_line(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

/* Cut s[0..n), the beginning of a longer text, before a UTF-8 sequence that it may split. */
static void
cut_whole(char *s, size_t n)
{
	size_t i = n;

	while (i > 0 && n - i < 4 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i > 0 && (unsigned char)s[i - 1] >= 0xc0)
		s[i - 1] = '\0';
}

int
error_vset(alog_error *err, int code, int os_errno, const char *path, uint64_t offset,
    const char *fmt, va_list ap)
{
	const size_t room = sizeof err->text;
	size_t len;
	int n;

	if (err == NULL || err->code != 0)
		return code;
	err->code = code;
	err->os_errno = os_errno;
	err->offset = offset;
	set_path(err->path, path);
	if ((n = vsnprintf(err->text, room, fmt, ap)) < 0)
		n = snprintf(err->text, room, "%s", fmt);
	len = n < 0 ? 0 : (size_t)n;
	/* The description in C: that of strerror depends on the locale. */
	if (os_errno != 0 && len < room) {
		const char *why = strerrordesc_np(os_errno);

		if (why != NULL)
			n = snprintf(err->text + len, room - len, ": %s", why);
		else
			n = snprintf(err->text + len, room - len, ": errno %d", os_errno);
		len += n < 0 ? 0 : (size_t)n;
	}
	if (len >= room)
		cut_whole(err->text, room - 1);
	make_one_line(err->text);
	return code;
}

int
error_set(alog_error *err, int code, int os_errno, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)error_vset(err, code, os_errno, path, 0, fmt, ap);
	va_end(ap);
	return code;
}

int
error_set_at(alog_error *err, int code, const char *path, uint64_t offset, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)error_vset(err, code, 0, path, offset, fmt, ap);
	va_end(ap);
	return code;
}
