#include "path.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PACK_PREFIX   "pack-"
#define PACK_DIGITS   32
#define NUMBER_DIGITS 6 /* at least */

static bool
is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

/* How many bytes at s may stand in the name of a service. */
static size_t
service_span(const char *s)
{
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
}

bool
path_service_valid(const char *service)
{
	const size_t n = service_span(service);

	return n >= 1 && n <= PATH_SERVICE_MAX && service[n] == '\0';
}

int
path_make_writer(char dst[PATH_WRITER_LENGTH + 1])
{
	uint8_t bits[8];
	uint64_t v = 0;

	if (sys->getrandom(bits, sizeof bits) < 0)
		return -1;
	for (size_t i = 0; i < sizeof bits; i++)
		v = v << 8 | bits[i];
	(void)snprintf(dst, PATH_WRITER_LENGTH + 1, "%016jx", (uintmax_t)v);
	return 0;
}

void
path_partition(char dst[PATH_NAME_MAX], int32_t day)
{
	memcpy(dst, "date=", 5);
	clock_format_day(dst + 5, day);
	dst[PATH_PARTITION_LENGTH] = '\0';
}

bool
path_parse_partition(const char *name, int32_t *day)
{
	return strncmp(name, "date=", 5) == 0 &&
	    clock_parse_day(name + 5, strlen(name + 5), day) == 0;
}

void
path_segment(char dst[PATH_NAME_MAX], const struct path_segment *seg)
{
	const char *end = seg->kind == PATH_SEALED ? ".gz" : "";

	assert(seg->number > 0);
	if (seg->packed) {
		assert(seg->kind == PATH_SEALED && strlen(seg->writer) == PACK_DIGITS);
		(void)snprintf(dst, PATH_NAME_MAX, PACK_PREFIX "%s.%0*u.jsonl%s", seg->writer,
		    NUMBER_DIGITS, seg->number, end);
	} else {
		assert(path_service_valid(seg->service));
		assert(strlen(seg->writer) == PATH_WRITER_LENGTH);
		(void)snprintf(dst, PATH_NAME_MAX, "%s.%s.%0*u.jsonl%s", seg->service,
		    seg->writer, NUMBER_DIGITS, seg->number, end);
	}
}

/* "<n digits>.", to be copied to dst: hex digits up to the next dot. */
static bool
take_hex(const char **s, size_t n, char *dst)
{
	if (strnlen(*s, n + 1) <= n || !is_hex(*s, n) || (*s)[n] != '.')
		return false;
	memcpy(dst, *s, n);
	dst[n] = '\0';
	*s += n + 1;
	return true;
}

/* A number as path_segment writes it: six digits, or more without a leading zero. */
static bool
take_number(const char **s, uint32_t *out)
{
	const size_t n = strspn(*s, "0123456789");
	uint64_t v = 0;

	if (n < NUMBER_DIGITS || n > 10 || (n > NUMBER_DIGITS && **s == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		v = 10 * v + (uint64_t)((*s)[i] - '0');
	if (v == 0 || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	*s += n;
	return true;
}

/* Either "<service>.<writer>." or "pack-<digits>.": their second parts differ in length. */
static bool
take_origin(const char **s, struct path_segment *seg)
{
	const size_t prefix = strlen(PACK_PREFIX);
	const size_t n = service_span(*s);
	const char *at = *s + n + 1;

	if (n < 1 || n > PATH_SERVICE_MAX || (*s)[n] != '.')
		return false;
	if (take_hex(&at, PATH_WRITER_LENGTH, seg->writer)) {
		memcpy(seg->service, *s, n);
		seg->service[n] = '\0';
		*s = at;
		return true;
	}
	if (strncmp(*s, PACK_PREFIX, prefix) != 0)
		return false;
	*s += prefix;
	seg->packed = true;
	return take_hex(s, PACK_DIGITS, seg->writer);
}

bool
path_parse_segment(const char *name, struct path_segment *seg)
{
	struct path_segment out = { .kind = PATH_PLAIN };

	if (!take_origin(&name, &out) || !take_number(&name, &out.number))
		return false;
	if (strcmp(name, ".jsonl.gz") == 0)
		out.kind = PATH_SEALED;
	else if (strcmp(name, ".jsonl") != 0 || out.packed)
		return false;
	*seg = out;
	return true;
}

void
path_ring(char dst[PATH_NAME_MAX], const char *writer)
{
	assert(strlen(writer) == PATH_WRITER_LENGTH);
	(void)snprintf(dst, PATH_NAME_MAX, "%s.ring", writer);
}

bool
path_parse_ring(const char *name, char writer[PATH_WRITER_LENGTH + 1])
{
	char out[PATH_WRITER_LENGTH + 1];

	if (!take_hex(&name, PATH_WRITER_LENGTH, out) || strcmp(name, "ring") != 0)
		return false;
	memcpy(writer, out, sizeof out);
	return true;
}
