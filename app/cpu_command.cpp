// `ferry cpu list`: the table of features (cpu/features.def), as text and as JSON.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "control/exit_status.h"
#include "cpu/models.h"

namespace ferry::app {
namespace {

constexpr const char* kUsage = "ferry cpu list [--json] [MODEL[,FEATURE=on|off]]";

int mistake(const std::string& sentence) {
  fmt::print(stderr, "ferry: {}\n", sentence);
  return control::kExitUsage;
}

std::string field(const cpu::FeatureInfo& f) { return fmt::format("{}[{}:{}]", f.id_register, f.shift + 3, f.shift); }
bool implemented(const cpu::FeatureInfo& f) { return f.in_max || f.optional; }

void print_table(const cpu::Model& model) {
  fmt::print("features of {} beyond ARMv8.0\n\n", model.name);
  fmt::print("{:<12} {:<24} {:>5}  {:<11}  {:<3}  {}\n", "feature", "ID field", "value", "implemented", "has", "");
  for (const cpu::FeatureInfo& f : cpu::features())
    fmt::print("{:<12} {:<24} {:>5}  {:<11}  {:<3}  {}\n", f.name, field(f), f.value, implemented(f) ? "yes" : "no",
               model.features.has(f.feature) ? "yes" : "no", f.sentence);
}

void print_json(const cpu::Model& model) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const cpu::FeatureInfo& f : cpu::features())
    list.push_back({{"feature", f.name},
                    {"id_register", f.id_register},
                    {"lsb", f.shift},
                    {"value", f.value},
                    {"implemented", implemented(f)},
                    {"present", model.features.has(f.feature)},
                    {"sentence", f.sentence}});
  fmt::print("{}\n", nlohmann::ordered_json{{"model", model.name}, {"features", list}}.dump(2));
}

}  // namespace

int cpu_command(Arguments arguments) {
  if (arguments.empty() || arguments[0] != "list") return mistake(fmt::format("cpu: expected {}", kUsage));
  bool json = false;
  std::string_view name;
  for (const std::string_view argument : arguments.subspan(1)) {
    if (argument == "--json")
      json = true;
    else if (argument.starts_with('-') || !name.empty())
      return mistake(fmt::format("cpu list {}: not understood, expected {}", argument, kUsage));
    else
      name = argument;
  }
  auto model = cpu::make_model(name.empty() ? "max" : name);
  if (!model) return mistake(model.error().message);
  json ? print_json(*model) : print_table(*model);
  return control::kExitOk;
}

}  // namespace ferry::app
