// The commands, carried out. Each gives kExitDone, or kExitFailed when it told on standard error what went wrong with
// some of the things it was asked for; an error means that nothing more could be done. Loop thread only; the context
// outlives the task.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "cli/context.h"
#include "cli/invocation.h"

namespace weir::cli {

Task<Result<int>> run_command(Context& context, TopicList command);
Task<Result<int>> run_command(Context& context, TopicDescribe command);
Task<Result<int>> run_command(Context& context, TopicCreate command);
Task<Result<int>> run_command(Context& context, TopicDelete command);
Task<Result<int>> run_command(Context& context, TopicAlter command);
Task<Result<int>> run_command(Context& context, TopicOffsets command);
Task<Result<int>> run_command(Context& context, TopicTrim command);
Task<Result<int>> run_command(Context& context, Produce command);
Task<Result<int>> run_command(Context& context, Consume command);
Task<Result<int>> run_command(Context& context, GroupList command);
Task<Result<int>> run_command(Context& context, GroupDescribe command);
Task<Result<int>> run_command(Context& context, GroupDelete command);
Task<Result<int>> run_command(Context& context, GroupResetOffsets command);
Task<Result<int>> run_command(Context& context, GroupDeleteOffsets command);
Task<Result<int>> run_command(Context& context, ConfigList command);
Task<Result<int>> run_command(Context& context, ConfigDescribe command);
Task<Result<int>> run_command(Context& context, ConfigSet command);
Task<Result<int>> run_command(Context& context, ConfigUnset command);
Task<Result<int>> run_command(Context& context, QuotaList command);
Task<Result<int>> run_command(Context& context, QuotaSet command);
Task<Result<int>> run_command(Context& context, QuotaUnset command);
Task<Result<int>> run_command(Context& context, ClusterStatus command);
Task<Result<int>> run_command(Context& context, ClusterBalance command);
Task<Result<int>> run_command(Context& context, QuorumDescribe command);
Task<Result<int>> run_command(Context& context, QuorumReplication command);
Task<Result<int>> run_command(Context& context, QuorumAddController command);
Task<Result<int>> run_command(Context& context, QuorumRemoveController command);
Task<Result<int>> run_command(Context& context, FeatureDescribe command);
Task<Result<int>> run_command(Context& context, FeatureUpgrade command);
Task<Result<int>> run_command(Context& context, FeatureDowngrade command);
Task<Result<int>> run_command(Context& context, LogDump command);

}  // namespace weir::cli
