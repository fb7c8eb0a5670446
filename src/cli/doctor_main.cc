#include "cli/doctor_main.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/command_line.h"
#include "cli/doctor.h"
#include "cli/output.h"

namespace weir::cli {
namespace {

std::string as_json(const std::vector<Finding>& findings) {
  Json json;
  json.begin_array();
  for (const Finding& finding : findings) {
    json.begin_object().key("severity").string(severity_name(finding.severity));
    json.key("about").string(finding.about).key("what").string(finding.what);
    json.key("advice").string(finding.advice).end_object();
  }
  json.end_array();
  return json.text() + "\n";
}

std::string as_text(const std::vector<Finding>& findings) {
  if (findings.empty()) return "nothing is wrong\n";
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:8} {}: {}\n", severity_name(finding.severity), finding.about, finding.what);
    if (!finding.advice.empty()) text += fmt::format("{:8} {}\n", "", finding.advice);
  }
  return text;
}

}  // namespace

int run_doctor(const Doctor& command, OutputFormat format) {
  broker::StartOptions options{.overrides = command.overrides};
  if (!command.properties_file.empty()) options.properties_file = command.properties_file;
  const std::vector<Finding> findings = examine(options);
  std::fputs((format == OutputFormat::kJson ? as_json(findings) : as_text(findings)).c_str(), stdout);
  // The worst comes first.
  const bool has_problem = !findings.empty() && findings.front().severity == Finding::Severity::kProblem;
  return has_problem ? kExitFailed : kExitDone;
}

}  // namespace weir::cli
