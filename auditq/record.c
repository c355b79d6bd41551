/* record - fields of an answer, found when they are asked for. */
#include <string.h>

#include "auditq.h"
#include "field.h"

/* The public names are those of field.h. */
_Static_assert((int)AUDITQ_ABSENT == (int)FIELD_ABSENT && (int)AUDITQ_NULL == (int)FIELD_NULL &&
	(int)AUDITQ_FALSE == (int)FIELD_FALSE && (int)AUDITQ_TRUE == (int)FIELD_TRUE &&
	(int)AUDITQ_NUMBER == (int)FIELD_NUMBER && (int)AUDITQ_STRING == (int)FIELD_STRING &&
	(int)AUDITQ_OBJECT == (int)FIELD_OBJECT && (int)AUDITQ_ARRAY == (int)FIELD_ARRAY,
    "the types of values differ");

static int
find(const auditq_record *rec, const char *path, struct field *out)
{
	struct field_path compiled;

	if (rec == NULL || path == NULL)
		return AUDITQ_EINVAL;
	field_path_set(&compiled, path, strlen(path));
	return field_get(rec->line, rec->len, &compiled, 1, out) < 0 ? AUDITQ_EJSON : 0;
}

int
auditq_get(const auditq_record *rec, const char *path, auditq_value *out)
{
	struct field f;
	int r = out == NULL ? AUDITQ_EINVAL : find(rec, path, &f);

	if (r < 0)
		return r;
	*out = (auditq_value){ .type = (int)f.type };
	if (f.type != FIELD_ABSENT) {
		out->text = f.p;
		out->len = f.n;
	}
	return 0;
}

int
auditq_get_i64(const auditq_record *rec, const char *path, int64_t *out)
{
	struct field f;
	int r = out == NULL ? AUDITQ_EINVAL : find(rec, path, &f);

	if (r < 0)
		return r;
	return f.type == FIELD_NUMBER && field_i64(&f, out) ? 0 : AUDITQ_EINVAL;
}

int
auditq_get_double(const auditq_record *rec, const char *path, double *out)
{
	struct field f;
	int r = out == NULL ? AUDITQ_EINVAL : find(rec, path, &f);

	if (r < 0)
		return r;
	return f.type == FIELD_NUMBER && field_double(&f, out) ? 0 : AUDITQ_EINVAL;
}

int64_t
auditq_get_string(const auditq_record *rec, const char *path, char *dst, size_t cap)
{
	struct field f;
	size_t n;
	int r = dst == NULL && cap > 0 ? AUDITQ_EINVAL : find(rec, path, &f);

	if (r < 0)
		return r;
	if (f.type == FIELD_ABSENT)
		return AUDITQ_ENOENT;
	if (f.type != FIELD_STRING)
		return AUDITQ_EINVAL;
	n = field_decode(&f, dst, cap);
	if (cap > 0)
		dst[n < cap ? n : cap - 1] = '\0';
	return (int64_t)n;
}
