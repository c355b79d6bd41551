// spdlog_contender - spdlog as a contender: the same record as JSON, by its formatter.
#include "contender.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

static std::shared_ptr<spdlog::logger> logger;

int
spdlog_open(const contender *c, const char *dir)
{
	const std::string path = std::string(dir) + "/spdlog.jsonl";

	if (c->arg != 0) {
		spdlog::init_thread_pool(8192, 1);
		logger = spdlog::basic_logger_mt<spdlog::async_factory>("bench", path, true);
	} else {
		logger = spdlog::basic_logger_mt("bench", path, true);
	}
	logger->set_pattern("{\"ts\":\"%Y-%m-%dT%H:%M:%S.%f\",\"level\":\"%l\",\"pid\":%P,%v}");
	return 0;
}

void
spdlog_emit(const contender *, unsigned i)
{
	logger->info("\"run_id\":\"{}\",\"service\":\"{}\",\"host\":\"{}\",\"stage\":\"{}\","
		     "\"msg\":\"{}\",\"i\":{},\"camera\":\"{}\",\"bytes\":{},\"ok\":{},"
		     "\"gpu\":{},\"score\":{}",
	    "0199feae-5b6c-7000-8000-0123456789ab", "detector", "node-01", "detection",
	    "frame done", i, "front-left", 123456, true, 0, 0.75);
}

void
spdlog_written(void)
{
	logger->flush();
}

void
spdlog_close(void)
{
	logger->flush();
	logger.reset();
	spdlog::shutdown();
}
