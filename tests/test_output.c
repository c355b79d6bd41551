/* output - each format on lines that are unusual, and on a reader that refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "known.h"
#include "output.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */
#define HEADER                                                                                 \
	"ts,level,run_id,seq,service,host,pid,stage,event,status,duration_ms,msg,extra\r\n"
#define LINES 8

struct text {
	char *p;
	size_t n;
	size_t calls;
	size_t refuse_from; /* this call and those after it fail; 0: none */
};

static int
collect(void *arg, const void *data, size_t n)
{
	struct text *t = arg;

	if (++t->calls >= t->refuse_from && t->refuse_from != 0)
		return AUDITQ_EIO;
	t->p = realloc(t->p, t->n + n + 1);
	assert_non_null(t->p);
	memcpy(t->p + t->n, data, n);
	t->n += n;
	t->p[t->n] = '\0';
	return 0;
}

static const struct {
	const char *name;
	int format;
	const char *fields;
	const char *line[LINES];
	const char *want;
} cases[] = {
	/* JSON Lines: as stored */
	{ "nothing", AUDITQ_JSONL, NULL, { NULL }, "" },
	{ "as stored", AUDITQ_JSONL, NULL, { " { \"a\" : 1 } \r", "{}" },
	    " { \"a\" : 1 } \r\n{}\n" },
	{ "bytes kept", AUDITQ_JSONL, NULL, { "{\"a\":\"\x80\"}" }, "{\"a\":\"\x80\"}\n" },
	{ "fields in order", AUDITQ_JSONL, "b,a", { "{\"a\":1,\"b\":\"x\\n\"}" },
	    "{\"b\":\"x\\n\",\"a\":1}\n" },
	{ "absent fields", AUDITQ_JSONL, "a,b", { "{\"b\":null}", "{\"c\":1}" },
	    "{\"b\":null}\n{}\n" },
	{ "dotted fields", AUDITQ_JSONL, "id.orig,http.status",
	    { "{\"id.orig\":\"x\",\"http\":{\"status\":200}}" },
	    "{\"id.orig\":\"x\",\"http.status\":200}\n" },
	{ "nested values", AUDITQ_JSONL, "a,b", { "{\"a\":{\"x\": [1, 2]},\"b\":[true]}" },
	    "{\"a\":{\"x\": [1, 2]},\"b\":[true]}\n" },
	{ "last of duplicates", AUDITQ_JSONL, "a", { "{\"a\":1,\"a\":2}" }, "{\"a\":2}\n" },
	{ "numbers as they stand", AUDITQ_JSONL, "a,b",
	    { "{\"a\":12345678901234567890123,\"b\":1.0e+01}" },
	    "{\"a\":12345678901234567890123,\"b\":1.0e+01}\n" },
	{ "names to be escaped", AUDITQ_JSONL, "a\"b", { "{\"a\\\"b\":1}" },
	    "{\"a\\\"b\":1}\n" },
	{ "blanks around names", AUDITQ_JSONL, " a , b c ", { "{\"a\":1,\"b c\":2}" },
	    "{\"a\":1,\"b c\":2}\n" },

	/* JSON: one array, valid UTF-8 */
	{ "empty array", AUDITQ_JSON, NULL, { NULL }, "[]\n" },
	{ "one", AUDITQ_JSON, NULL, { "{\"a\":1}" }, "[\n{\"a\":1}\n]\n" },
	{ "two, trimmed", AUDITQ_JSON, NULL, { "\xef\xbb\xbf {\"a\":1}\r", "\t{} " },
	    "[\n{\"a\":1},\n{}\n]\n" },
	{ "repaired", AUDITQ_JSON, NULL, { "{\"a\":\"x\x80y\xe2\x82z\xf0\x9f\x98\x80\"}" },
	    "[\n{\"a\":\"x" BAD "y" BAD "z\xf0\x9f\x98\x80\"}\n]\n" },
	{ "repaired fields", AUDITQ_JSON, "a", { "{\"b\":1,\"a\":\"\xff\"}" },
	    "[\n{\"a\":\"" BAD "\"}\n]\n" },
	{ "lone surrogate kept", AUDITQ_JSON, NULL, { "{\"a\":\"\\ud800\"}" },
	    "[\n{\"a\":\"\\ud800\"}\n]\n" },

	/* CSV with columns */
	{ "header only", AUDITQ_CSV, "a,b", { NULL }, "a,b\r\n" },
	{ "types", AUDITQ_CSV, "s,n,t,f,z,o,r,x",
	    { "{\"s\":\"v\",\"n\":-0.10,\"t\":true,\"f\":false,\"z\":null,\"o\":{\"k\": 1},"
	      "\"r\":[1,2]}" },
	    "s,n,t,f,z,o,r,x\r\nv,-0.10,true,false,,\"{\"\"k\"\": 1}\",\"[1,2]\",\r\n" },
	{ "quoted", AUDITQ_CSV, "a,b,c,d",
	    { "{\"a\":\"x,y\",\"b\":\"say \\\"hi\\\"\",\"c\":\"l1\\nl2\",\"d\":\"cr\\r\"}" },
	    "a,b,c,d\r\n\"x,y\",\"say \"\"hi\"\"\",\"l1\nl2\",\"cr\r\"\r\n" },
	{ "decoded", AUDITQ_CSV, "a", { "{\"a\":\"\\u00e9\\ud83d\\ude00\\/\"}" },
	    "a\r\n\xc3\xa9\xf0\x9f\x98\x80/\r\n" },
	{ "repaired", AUDITQ_CSV, "a,b", { "{\"a\":\"\x80\",\"b\":\"\\ud800!\"}" },
	    "a,b\r\n" BAD "," BAD BAD BAD "!\r\n" },
	{ "one empty cell", AUDITQ_CSV, "a", { "{\"a\":\"\"}", "{}", "{\"a\":null}" },
	    "a\r\n\"\"\r\n\"\"\r\n\"\"\r\n" },
	{ "header to be quoted", AUDITQ_CSV, "a\"b,c", { "{\"c\":1}" },
	    "\"a\"\"b\",c\r\n,1\r\n" },

	/* CSV with all fields */
	{ "all", AUDITQ_CSV, NULL,
	    { "{\"ts\":\"T\",\"level\":\"info\",\"seq\":1,\"msg\":\"m\"}" },
	    HEADER "T,info,,1,,,,,,,,m,\r\n" },
	{ "extra", AUDITQ_CSV, NULL,
	    { "{\"ts\":\"T\",\"x\":[1, 2],\"n\":{\"ts\":\"no\"},\"s\":\"q\"}" },
	    HEADER "T,,,,,,,,,,,,\"{\"\"x\"\":[1, 2],\"\"n\"\":{\"\"ts\"\":\"\"no\"\"},"
		   "\"\"s\"\":\"\"q\"\"}\"\r\n" },
	{ "an escaped key", AUDITQ_CSV, NULL, { "{\"\\u0074s\":\"T\",\"a\\\"b\":\"\"}" },
	    HEADER "T,,,,,,,,,,,,\"{\"\"a\\\"\"b\"\":\"\"\"\"}\"\r\n" },
	/* TSV */
	{ "escaped in cells", AUDITQ_TSV, "a,b",
	    { "{\"a\":\"t\\tl\\nr\\rb\\\\q\\\"\",\"b\":[\"\\n\"]}", "{}" },
	    "a\tb\nt\\tl\\nr\\rb\\\\q\"\t[\"\\\\n\"]\n\t\n" },

	/* Markdown */
	{ "markup is escaped", AUDITQ_MD, "a|b,c",
	    { "{\"a|b\":\"x|y\\n*b* <i> _u_ `c` [l]\",\"c\":\"\\t\\\\&~\"}" },
	    "| a\\|b | c |\n|---|---|\n"
	    "| x\\|y<br>\\*b\\* &lt;i> \\_u\\_ \\`c\\` \\[l\\] |  \\\\&amp;\\~ |\n" },
	{ "for a ticket", AUDITQ_MD, NULL, { "{\"ts\":\"T\",\"msg\":\"m\",\"x\":1}" },
	    "| ts | level | run\\_id | stage | event | status | duration\\_ms | msg |\n"
	    "|---|---|---|---|---|---|---|---|\n| T |  |  |  |  |  |  | m |\n" },

	/* as stored */
	{ "raw", AUDITQ_RAW, NULL, { " { \"a\" : \"\x80\" } \r" },
	    " { \"a\" : \"\x80\" } \r\n" },

	/* for people */
	{ "pretty", AUDITQ_PRETTY, NULL,
	    { "{\"ts\":\"2025-10-23T14:05:09.123456789Z\",\"level\":\"info\",\"run_id\":\"r\","
	      "\"stage\":\"s\",\"msg\":\"m\",\"x\":{\"y\":[1, 2]}}",
		"{\"level\":\"error\",\"event\":\"e\"}",
		"{\"level\":\"info\",\"stage\":\"long one\",\"status\":\"failed\",\"message\":\"a\\nb\"}",
		"{\"level\":7,\"k\":\"\",\"q\":\"a b\",\"t\":\"a\\tb\",\"\\u001b\":\"\\u202e\"}" },
	    "  2025-10-23 14:05:09.123  info   s          m  x.y=[1, 2]  run_id=r\n"
	    "! -                        error             e\n"
	    "! -                        info   long one   a\\u000ab  status=failed\n"
	    "  -                        7                 k=\"\"  q=\"a b\"  t=\"a b\"  "
	    "\\u001b=\\u202e\n" },
	{ "of one run and writer", AUDITQ_PRETTY, NULL,
	    { "{\"level\":\"info\",\"run_id\":\"r\",\"seq\":1,\"host\":\"h\",\"msg\":\"m\"}",
		"{\"level\":\"info\",\"run_id\":\"r\",\"seq\":2,\"host\":\"h\",\"msg\":\"m\"}",
		"{\"level\":\"info\",\"seq\":3,\"host\":\"h\",\"msg\":\"m\"}",
		"{\"level\":\"info\",\"run_id\":\"r2\",\"host\":\"h\",\"msg\":\"m\"}" },
	    "  -                        info   m  run_id=r  seq=1  host=h\n"
	    "  -                        info   m  seq=2\n"
	    "  -                        info   m  seq=3  host=h\n"
	    "  -                        info   m  run_id=r2  host=h\n" },
	{ "a pretty table has times and widths as the records have", AUDITQ_PRETTY,
	    "stage,ts,msg",
	    { "{\"ts\":\"2025-10-23T14:05:09.123456789Z\",\"stage\":\"s\",\"msg\":\"m\"}",
		"{\"ts\":\"soon\",\"stage\":\"detection\"}" },
	    "stage      ts                       msg\n"
	    "s          2025-10-23 14:05:09.123  m\n"
	    "detection  soon\n" },
	{ "wide and combining characters", AUDITQ_PRETTY, "a,b",
	    { "{\"a\":\"\xe6\x97\xa5\xe6\x9c\xac\",\"b\":1}", "{\"a\":\"e\xcc\x81\",\"b\":2}",
		"{\"a\":\"wider\",\"b\":3}", "{\"b\":4}" },
	    "a     b\n\xe6\x97\xa5\xe6\x9c\xac  1\ne\xcc\x81     2\nwider  3\n       4\n" },
	{ "pretty bytes that are no text", AUDITQ_PRETTY, "a", { "{\"a\":\"\x9b\\u009b\"}" },
	    "a\n\\x9b\\u009b\n" },
	{ "a pretty table of nothing", AUDITQ_PRETTY, "a", { NULL }, "" },

	{ "last ts wins", AUDITQ_CSV, NULL, { "{\"ts\":\"1\",\"ts\":\"2\"}\r" },
	    HEADER "2,,,,,,,,,,,,\r\n" },
};

static struct output *
open_output(int format, const char *fields, struct text *t)
{
	const auditq_export_options opt = {
		.size = sizeof opt, .format = format, .fields = fields
	};
	struct output *o;

	assert_int_equal(output_new(&o, &opt, collect, t, NULL), 0);
	return o;
}

static void
formats(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text t = { 0 };
		struct output *o = open_output(cases[i].format, cases[i].fields, &t);
		for (size_t k = 0; k < LINES && cases[i].line[k] != NULL; k++)
			assert_int_equal(
			    output_record(o, cases[i].line[k], strlen(cases[i].line[k])), 0);
		assert_int_equal(output_end(o), 0);
		output_free(o);
		if (strcmp(t.p == NULL ? "" : t.p, cases[i].want) != 0)
			fail_msg("%s: got\n%s\nwant\n%s", cases[i].name, t.p, cases[i].want);
		free(t.p);
	}
}

/* Under a schema, columns show what it says that they mean, and nothing is lost. */
static void
schemas(void **state)
{
	static const struct {
		const char *schema;
		int format;
		const char *line, *want;
	} under[] = {
		{ "zeek", AUDITQ_PRETTY,
		    "{\"_path\":\"conn\",\"ts\":1761213601.5,\"uid\":\"C1\",\"conn_state\":\"S0\","
		    "\"proto\":\"tcp\"}",
		    "! 2025-10-23 10:00:01.500         conn       conn_state=S0  proto=tcp  uid=C1\n" },
		{ "zeek", AUDITQ_CSV,
		    "{\"_path\":\"conn\",\"ts\":1761213601.5,\"uid\":\"C1\",\"duration\":2,"
		    "\"stage\":\"x\",\"conn_state\":\"S0\"}",
		    HEADER "1761213601.5,,C1,,,,,conn,,S0,,,"
			   "\"{\"\"duration\"\":2,\"\"stage\"\":\"\"x\"\"}\"\r\n" },
		{ "cloudtrail", AUDITQ_PRETTY,
		    "{\"eventTime\":\"2025-10-23T10:00:00Z\",\"eventName\":\"Get\",\"status\":\"failed\"}",
		    "  2025-10-23 10:00:00.000         Get        status=failed\n" },
		{ "cloudtrail", AUDITQ_PRETTY,
		    "{\"eventName\":\"Get\",\"errorCode\":\"E\",\"errorMessage\":\"denied\"}",
		    "! -                               Get        denied  errorCode=E\n" },
		{ "bunyan", AUDITQ_PRETTY,
		    "{\"time\":\"2025-10-23T10:00:00Z\",\"level\":50,\"name\":\"api\",\"msg\":\"m\"}",
		    "! 2025-10-23 10:00:00.000  error  api        m\n" },
		{ "bunyan", AUDITQ_PRETTY, "{\"level\":3,\"msg\":\"m\"}",
		    "  -                        3      m\n" },
		{ "bunyan", AUDITQ_TSV,
		    "{\"time\":\"2025-10-23T10:00:00Z\",\"level\":50,\"req_id\":\"r\",\"responseTime\":7}",
		    "ts\tlevel\trun_id\tseq\tservice\thost\tpid\tstage\tevent\tstatus\tduration_ms\tmsg"
		    "\textra\n2025-10-23T10:00:00Z\t50\tr\t\t\t\t\t\t\t\t7\t\t\n" },
		{ "mongodb", AUDITQ_MD,
		    "{\"t\":{\"$date\":\"2025-10-23T10:00:00Z\"},\"s\":\"W\",\"c\":\"NET\",\"ctx\":\"c1\"}",
		    "| ts | level | run\\_id | stage | event | status | duration\\_ms | msg |\n"
		    "|---|---|---|---|---|---|---|---|\n"
		    "| 2025-10-23T10:00:00Z | W | c1 | NET |  |  |  |  |\n" },
		{ "mongodb", AUDITQ_PRETTY, "{\"s\":\"D2\",\"msg\":\"m\"}",
		    "  -                        debug  m\n" },
		{ "kubernetes", AUDITQ_CSV, "{\"stage\":\"Panic\",\"level\":\"Request\"}",
		    HEADER ",,,,,,,Panic,,,,,\"{\"\"level\"\":\"\"Request\"\"}\"\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof under / sizeof under[0]; i++) {
		struct text t = { 0 };
		struct output *o = open_output(under[i].format, NULL, &t);
		struct schema schema;

		known_schema(known_find(under[i].schema), &schema);
		output_under(o, &schema);
		assert_int_equal(output_record(o, under[i].line, strlen(under[i].line)), 0);
		assert_int_equal(output_end(o), 0);
		output_free(o);
		if (strcmp(t.p, under[i].want) != 0)
			fail_msg("%s: got\n%s\nwant\n%s", under[i].line, t.p, under[i].want);
		free(t.p);
	}
}

/* Where each record stands, as each format says it. */
static void
sources(void **state)
{
	static const struct {
		int format;
		const char *fields, *line, *want;
	} with[] = {
		{ AUDITQ_JSONL, NULL, "{\"a\":1} \r",
		    "{\"a\":1,\"_source\":\"p,\\\"\\u001b:7\"}\n" },
		{ AUDITQ_JSONL, NULL, "{ }", "{ \"_source\":\"p,\\\"\\u001b:7\"}\n" },
		{ AUDITQ_JSONL, "b", "{\"a\":1}", "{\"_source\":\"p,\\\"\\u001b:7\"}\n" },
		{ AUDITQ_JSON, "a", "{\"a\":1}",
		    "[\n{\"a\":1,\"_source\":\"p,\\\"\\u001b:7\"}\n]\n" },
		{ AUDITQ_CSV, "a", "{}", "_source,a\r\n\"p,\"\"\x1b:7\",\r\n" },
		{ AUDITQ_TSV, "a", "{\"a\":1}", "_source\ta\np,\"\x1b:7\t1\n" },
		{ AUDITQ_MD, "a", "{\"a\":1}",
		    "| \\_source | a |\n|---|---|\n| p,\"\x1b:7 | 1 |\n" },
		{ AUDITQ_RAW, NULL, "{\"a\":1}", "p,\"\x1b:7:{\"a\":1}\n" },
		{ AUDITQ_PRETTY, "a", "{\"a\":1}", "_source      a\np,\"\\u001b:7  1\n" },
		{ AUDITQ_PRETTY, NULL, "{\"a\":1}",
		    "p,\"\\u001b:7   1970-01-01 00:00:00.000         a=1\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
		const auditq_export_options opt = { .size = sizeof opt,
			.format = with[i].format,
			.fields = with[i].fields,
			.source = true };
		struct text t = { 0 };
		struct output *o;

		assert_int_equal(output_new(&o, &opt, collect, &t, NULL), 0);
		output_place(o, "p,\"\x1b", 7, 0);
		assert_int_equal(output_record(o, with[i].line, strlen(with[i].line)), 0);
		assert_int_equal(output_end(o), 0);
		output_free(o);
		assert_string_equal(t.p, with[i].want);
		free(t.p);
	}
}

/* Colours are where they are asked for; fields go to the next line where there is no room. */
static void
terminals(void **state)
{
	static const char line[] =
	    "{\"ts\":0,\"level\":\"error\",\"stage\":\"s\",\"msg\":\"m\","
	    "\"long\":\"0123456789\",\"x\":1}";
	const auditq_export_options opt = {
		.size = sizeof opt, .format = AUDITQ_PRETTY, .color = true, .width = 60
	};
	struct text t = { 0 };
	struct output *o;

	(void)state;
	assert_int_equal(output_new(&o, &opt, collect, &t, NULL), 0);
	assert_int_equal(output_record(o, line, strlen(line)), 0);
	assert_int_equal(output_end(o), 0);
	output_free(o);
	assert_string_equal(t.p,
	    "\033[1;31m! \033[0m\033[2m1970-01-01 00:00:00.000\033[0m  \033[1;31merror\033[0m  "
	    "\033[36ms\033[0m          \033[1;31mm\033[0m\n"
	    "                                             \033[2mlong=0123456789\033[0m\n"
	    "                                             \033[2mx=1\033[0m\n");
	free(t.p);
}

/* Lines and strings that are larger than any buffer here come out whole. */
static void
large(void **state)
{
	enum { N = 1 << 20 };
	char *line = malloc(N + 16);
	struct text t = { 0 };
	struct output *o = open_output(AUDITQ_CSV, "a", &t);
	int n = sprintf(line, "{\"a\":\"\\n");

	(void)state;
	memset(line + n, 'x', N);
	line[n + N] = '"';
	line[n + N + 1] = '}';
	for (int i = 0; i < 3; i++)
		assert_int_equal(output_record(o, line, (size_t)n + N + 2), 0);
	assert_int_equal(output_end(o), 0);
	output_free(o);
	assert_int_equal(t.n, strlen("a\r\n") + 3 * (strlen("\"\n\"\r\n") + N));
	assert_memory_equal(t.p, "a\r\n\"\nxxx", 8);
	free(t.p);
	free(line);
}

/* After a refusal nothing more is handed on, and the code is what comes back. */
static void
refused(void **state)
{
	static const char line[] = "{\"a\":\"0123456789\"}";
	struct text t = { .refuse_from = 2 };
	struct output *o = open_output(AUDITQ_JSONL, NULL, &t);
	int r = 0;

	(void)state;
	for (int i = 0; r == 0 && i < 100000; i++)
		r = output_record(o, line, strlen(line));
	assert_int_equal(r, AUDITQ_EIO);
	assert_int_equal(output_record(o, line, strlen(line)), AUDITQ_EIO);
	assert_int_equal(output_end(o), AUDITQ_EIO);
	assert_int_equal(t.calls, 2);
	output_free(o);
	free(t.p);
}

static void
invalid_line(void **state)
{
	static const struct {
		int format;
		const char *fields;
	} with[] = { { AUDITQ_JSONL, "a" }, { AUDITQ_JSON, "a" }, { AUDITQ_CSV, "a" },
		{ AUDITQ_CSV, NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
		struct text t = { 0 };
		struct output *o = open_output(with[i].format, with[i].fields, &t);
		assert_int_equal(output_record(o, "{\"a\":", 5), AUDITQ_EJSON);
		output_free(o);
		free(t.p);
	}
}

static void
wrong_options(void **state)
{
	static const struct {
		const char *fields;
		uint64_t offset;
		int format;
	} wrong[] = { { "", 0, 0 }, { "a,", 2, 0 }, { ",a", 0, 0 }, { "a, ,b", 2, 0 },
		{ "a,b, a", 5, 0 }, { NULL, 0, -1 }, { NULL, 0, 7 }, { "a", 0, AUDITQ_RAW } };
	struct output *o;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const auditq_export_options opt = {
			.size = sizeof opt, .format = wrong[i].format, .fields = wrong[i].fields
		};
		auditq_error err = { 0 };
		assert_int_equal(output_new(&o, &opt, collect, NULL, &err), AUDITQ_EINVAL);
		if (err.offset != wrong[i].offset || err.text[0] == '\0')
			fail_msg("'%s': offset %d", wrong[i].fields, (int)err.offset);
	}
}

static void
names(void **state)
{
	(void)state;
	assert_int_equal(output_format_parse("jsonl"), AUDITQ_JSONL);
	assert_int_equal(output_format_parse("json"), AUDITQ_JSON);
	assert_int_equal(output_format_parse("csv"), AUDITQ_CSV);
	assert_int_equal(output_format_parse("tsv"), AUDITQ_TSV);
	assert_int_equal(output_format_parse("md"), AUDITQ_MD);
	assert_int_equal(output_format_parse("raw"), AUDITQ_RAW);
	assert_int_equal(output_format_parse("pretty"), AUDITQ_PRETTY);
	assert_int_equal(output_format_parse("CSV"), AUDITQ_EINVAL);
	assert_int_equal(output_format_parse(""), AUDITQ_EINVAL);
	assert_int_equal(output_format_parse(NULL), AUDITQ_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(schemas),
		cmocka_unit_test(sources),
		cmocka_unit_test(terminals),
		cmocka_unit_test(large),
		cmocka_unit_test(refused),
		cmocka_unit_test(invalid_line),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
