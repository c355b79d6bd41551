#include "known.h"

#include <assert.h>
#include <string.h>

#include "scan.h"
#include "schema_text.h"

/* What is more particular stands before what is less so. */
static const struct known table[] = {
	{ "native", "liblog, and logs that no other schema is recognised in", "{}",
	    "ts run_id seq#|ts run_id$ stage$ level$" },
	{ "kubernetes", "Kubernetes audit events",
	    "{\"ts\":[\"stageTimestamp\",\"timestamp\",\"requestReceivedTimestamp\"],"
	    "\"run\":\"auditID\",\"stage\":\"stage\",\"level\":[],"
	    "\"status\":\"responseStatus.code\",\"duration\":[],\"msg\":\"requestURI\","
	    "\"failed\":{\"responseStatus.code\":{\"min\":400},\"stage\":[\"Panic\"]},"
	    "\"failed_level\":null}",
	    "auditID$ stage$ verb$|auditID$ stage$ requestURI$" },
	{ "cloudtrail", "AWS CloudTrail",
	    "{\"ts\":\"eventTime\",\"run\":[\"requestID\",\"eventID\"],\"stage\":\"eventName\","
	    "\"level\":[],\"status\":[],\"duration\":[],\"msg\":[\"errorMessage\",\"eventName\"],"
	    "\"failed\":{\"errorCode\":true,\"responseElements.ConsoleLogin\":[\"Failure\"]},"
	    "\"failed_level\":null}",
	    "eventTime$ eventSource$ eventName$ awsRegion" },
	{ "suricata", "Suricata EVE",
	    "{\"ts\":\"timestamp\",\"run\":\"community_id\",\"stage\":\"event_type\","
	    "\"level\":\"alert.severity\",\"status\":[],\"duration\":[],"
	    "\"msg\":[\"alert.signature\",\"anomaly.event\"],"
	    "\"levels\":{\"info\":[4],\"notice\":[3],\"warn\":[2],\"error\":[1]},"
	    "\"failed\":{\"alert\":true},\"failed_level\":null}",
	    "timestamp$ event_type$ flow_id#|timestamp$ event_type$ src_ip$|"
	    "timestamp$ event_type$ stats" },
	{ "zeek", "Zeek",
	    "{\"ts\":\"ts\",\"run\":\"uid\",\"stage\":[\"_path\",\"@stream\"],\"level\":[],"
	    "\"status\":[\"rcode_name\",\"status_code\",\"conn_state\"],\"duration\":\"duration\","
	    "\"unit\":\"s\",\"msg\":[\"msg\",\"name\"],"
	    "\"failed\":{\"rcode_name\":{\"not\":[\"NOERROR\"]},\"status_code\":{\"min\":400},"
	    "\"conn_state\":[\"S0\",\"REJ\",\"RSTOS0\",\"RSTRH\",\"SH\",\"SHR\"]},"
	    "\"failed_level\":null}",
	    "ts uid$ id.orig_h$|ts uid$ id_orig_h$|ts _path$|ts @stream$" },
	{ "mongodb", "MongoDB 4.4 and later",
	    "{\"ts\":\"t.$date\",\"run\":\"ctx\",\"stage\":\"c\",\"level\":\"s\",\"status\":[],"
	    "\"duration\":\"attr.durationMillis\",\"msg\":\"msg\","
	    "\"levels\":{\"debug\":[\"D\",\"D1\",\"D2\",\"D3\",\"D4\",\"D5\"],\"info\":[\"I\"],"
	    "\"warn\":[\"W\"],\"error\":[\"E\"],\"critical\":[\"F\"]},\"failed\":{}}",
	    "t.$date$ s$ c$ ctx$" },
	{ "journald", "systemd's journal, exported as JSON",
	    "{\"ts\":[\"__REALTIME_TIMESTAMP\",\"_SOURCE_REALTIME_TIMESTAMP\"],"
	    "\"run\":[\"_SYSTEMD_INVOCATION_ID\",\"INVOCATION_ID\"],"
	    "\"stage\":[\"_SYSTEMD_UNIT\",\"SYSLOG_IDENTIFIER\"],\"level\":\"PRIORITY\","
	    "\"status\":\"JOB_RESULT\",\"duration\":[],\"msg\":\"MESSAGE\","
	    "\"levels\":{\"debug\":[7],\"info\":[6],\"notice\":[5],\"warn\":[4],\"error\":[3],"
	    "\"critical\":[0]},\"failed\":{\"JOB_RESULT\":{\"not\":[\"done\",\"skipped\"]}}}",
	    "__REALTIME_TIMESTAMP" },
	/* Keywords: bit 52 is Audit Failure, bit 63 is always set beside it. */
	{ "windows", "Windows events, as NXLog, Get-WinEvent and others have them in JSON",
	    "{\"ts\":[\"EventTime\",\"TimeCreated\",\"SystemTime\"],\"run\":\"ActivityID\","
	    "\"stage\":\"Channel\",\"level\":[\"Severity\",\"Level\",\"LevelDisplayName\"],"
	    "\"status\":[],\"duration\":[],\"msg\":\"Message\","
	    "\"levels\":{\"trace\":[5],\"info\":[0,4],\"warn\":[3],\"error\":[2],\"critical\":[1]},"
	    "\"failed\":{\"EventType\":[\"AUDIT_FAILURE\"],\"Keywords\":{\"in\":[\"Audit Failure\","
	    "\"0x8010000000000000\"],\"min\":-9218868437227405312,\"max\":-9218868437227405312}}}",
	    "EventTime EventID|EventID Channel$|EventID# Level#|EventID LevelDisplayName$" },
	{ "opentelemetry", "OpenTelemetry log records, one a line",
	    "{\"ts\":[\"Timestamp\",\"timeUnixNano\",\"timestamp\",\"ObservedTimestamp\","
	    "\"observedTimeUnixNano\"],\"run\":[\"TraceId\",\"traceId\",\"trace_id\"],"
	    "\"stage\":[\"Resource.service.name\",\"resource.service.name\",\"scope.name\"],"
	    "\"level\":[\"SeverityNumber\",\"severityNumber\",\"SeverityText\",\"severityText\"],"
	    "\"status\":[],\"duration\":[],\"msg\":[\"Body\",\"body.stringValue\"],"
	    "\"levels\":{\"trace\":[1],\"debug\":[5],\"info\":[9],\"warn\":[13],\"error\":[17],"
	    "\"critical\":[21]},\"failed\":{}}",
	    "SeverityNumber|severityNumber|SeverityText$ Body|severityText$ body" },
	{ "ecs", "Elastic Common Schema",
	    "{\"ts\":\"@timestamp\",\"run\":[\"trace.id\",\"transaction.id\"],"
	    "\"stage\":[\"event.action\",\"log.logger\"],\"level\":\"log.level\","
	    "\"status\":\"event.outcome\",\"duration\":\"event.duration\",\"unit\":\"ns\","
	    "\"msg\":\"message\",\"failed\":{\"event.outcome\":[\"failure\"]}}",
	    "@timestamp ecs.version|@timestamp log.level$|@timestamp event.outcome$" },
	{ "bunyan", "bunyan and pino: levels are numbers",
	    "{\"ts\":\"time\",\"run\":[\"req_id\",\"reqId\",\"req.id\",\"request_id\",\"trace_id\"],"
	    "\"stage\":[\"component\",\"module\",\"name\"],\"level\":\"level\",\"status\":[],"
	    "\"duration\":\"responseTime\",\"msg\":\"msg\",\"levels\":{\"trace\":[10],"
	    "\"debug\":[20],\"info\":[30],\"warn\":[40],\"error\":[50],\"critical\":[60]},"
	    "\"failed\":{}}",
	    "level# time v# hostname$|level# time pid# hostname$|level# time msg$" },
	{ "zap", "zap, as its production configuration has it: times are epoch seconds",
	    "{\"ts\":\"ts\","
	    "\"run\":[\"run_id\",\"trace_id\",\"traceId\",\"request_id\",\"requestId\"],"
	    "\"stage\":[\"stage\",\"logger\"],\"level\":\"level\",\"status\":\"status\","
	    "\"duration\":\"duration\",\"unit\":\"s\",\"msg\":\"msg\","
	    "\"levels\":{\"critical\":[\"dpanic\"]},"
	    "\"failed\":{\"status\":{\"in\":[\"failed\",\"failure\",\"error\"],\"min\":500}}}",
	    "ts# level$ msg$" },
	{ "generic",
	    "logrus, zerolog, slog, structlog, loguru, log4j, python-json-logger and the like",
	    "{\"ts\":[\"ts\",\"time\",\"timestamp\",\"@timestamp\",\"datetime\",\"asctime\","
	    "\"record.time.timestamp\"],"
	    "\"run\":[\"run_id\",\"trace_id\",\"traceId\",\"request_id\",\"requestId\"],"
	    "\"stage\":[\"stage\",\"logger\",\"component\"],"
	    "\"level\":[\"level\",\"lvl\",\"severity\",\"levelname\",\"record.level.name\"],"
	    "\"msg\":[\"msg\",\"message\",\"event\"],\"levels\":{\"info\":[\"success\"]},"
	    "\"failed\":{\"status\":{\"in\":[\"failed\",\"failure\",\"error\"],\"min\":500}}}",
	    "lvl$|severity$|levelname$|record.level.name$|trace_id$|traceId$|request_id$|requestId$|"
	    "asctime$|datetime$|message$ level$|event$ level$ timestamp|logger$ level$|component$ level$" },
};

enum { TABLE = sizeof table / sizeof table[0], PATHS_MAX = 128 };

const struct known *
known_at(size_t i)
{
	return i < TABLE ? &table[i] : NULL;
}

const struct known *
known_find(const char *name)
{
	for (size_t i = 0; i < TABLE; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

void
known_schema(const struct known *k, struct schema *out)
{
	struct schema_fault fault;

	*out = schema_default;
	(void)schema_read_text(k->text, strlen(k->text), out, &fault); /* it holds: tested */
	if (k != table)
		memcpy(out->name, k->name, strlen(k->name) + 1);
}

const char *
known_name(const struct schema *s)
{
	if (s->name[0] != '\0')
		return s->name;
	return schema_equal(s, &schema_default) ? table[0].name : "other";
}

/* ---- recognition ----------------------------------------------------------------------- */

/* All keys of all alternatives, looked up at once; each in the order of the texts. */
struct marks {
	struct field_path path[PATHS_MAX];
	struct field value[PATHS_MAX];
	size_t n;
};

/* The key at s: its length without the sign of its type; what ends it; the type. */
static size_t
mark_at(const char *s, const char **end, enum field_type *type)
{
	size_t n = strcspn(s, " |");

	*end = s + n;
	*type = s[n - 1] == '$' ? FIELD_STRING : s[n - 1] == '#' ? FIELD_NUMBER : FIELD_ABSENT;
	return *type == FIELD_ABSENT ? n : n - 1;
}

static void
marks_init(struct marks *m)
{
	enum field_type type;

	m->n = 0;
	for (size_t i = 0; i < TABLE; i++)
		for (const char *s = table[i].sure, *end; *s != '\0';
		     s = end + (*end != '\0')) {
			size_t n = mark_at(s, &end, &type);

			assert(m->n < PATHS_MAX);
			field_path_set(&m->path[m->n++], s, n);
		}
}

/* Whether an alternative holds; *at is moved behind the keys of them all. */
static bool
is_sure(const struct marks *m, const char *sure, size_t *at)
{
	bool any = false, all = true;
	enum field_type type;

	for (const char *s = sure, *end; *s != '\0'; s = end + (*end != '\0')) {
		const struct field *value = &m->value[(*at)++];

		(void)mark_at(s, &end, &type);
		all = all && value->type > FIELD_NULL &&
		    (type == FIELD_ABSENT || value->type == type);
		if (*end == ' ')
			continue;
		any = any || all;
		all = true;
	}
	return any;
}

const struct known *
known_recognise(const char *lines, size_t n)
{
	const char *at = lines, *line;
	size_t count[TABLE] = { 0 }, records = 0, len;
	struct marks m;

	marks_init(&m);
	while (records < KNOWN_RECORDS && scan_line(&at, lines + n, &line, &len)) {
		size_t mark = 0;

		if (field_get(line, len, m.path, m.n, m.value) < 0)
			continue;
		records++;
		for (size_t i = 0; i < TABLE; i++)
			count[i] += is_sure(&m, table[i].sure, &mark);
	}
	for (size_t i = 0; i < TABLE; i++)
		if (2 * count[i] > records)
			return &table[i];
	return NULL;
}
