// `ferry verify`: random sequences through a tier, against an oracle or the interpreter.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/verify_options.h"
#include "control/exit_status.h"
#include "cpu/models.h"
#include "debug/host_code.h"
#include "verify/campaign.h"
#include "verify/program_check.h"

namespace ferry::app {
namespace {

using HostClock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
using verify::Class;
using verify::Counts;

constexpr int kExitDifference = 1;
constexpr auto kSaveEvery = std::chrono::seconds(20);

double seconds_since(HostClock::time_point start) {
  return std::chrono::duration<double>(HostClock::now() - start).count();
}

// What a progress file holds must have been asked for in the same way.
std::string key_of(const VerifyOptions& o) {
  std::string key = fmt::format("{} {} {} states {}", name(o.against), tier_name(o.tier), o.cpu, o.states);
  if (o.length != 0) key += fmt::format(" length {}", o.length);
  return key;
}

class VerifyRun {
 public:
  VerifyRun(const VerifyOptions& options, const cpu::Model& model) : options_(options), model_(model) {}
  int run();

 private:
  Status start();
  Status load_progress();
  void save(const std::string& path, bool finished) const;
  Status run_class(Class c);
  template <class Run>
  Status run_sequences(Class c, const Counts& counts, Run run);
  void tell(const verify::Finding& finding, Class c, u64 number);
  std::string again(Class c, u64 number) const;
  std::vector<Class> chosen() const;

  const VerifyOptions& options_;
  const cpu::Model& model_;
  u64 seed_ = 0;
  std::unique_ptr<verify::Oracle> oracle_;
  std::unique_ptr<verify::Runner> runner_, reference_;
  std::unique_ptr<verify::Checker> checker_;
  verify::DistinctWords distinct_;
  std::vector<std::pair<Class, Counts>> done_;
  HostClock::time_point saved_ = HostClock::now();
  u64 findings_ = 0;
};

Status VerifyRun::start() {
  if (options_.tier == Tier::Tiered) return {};  // programs alone, which need no runner
  runner_ = verify::make_runner(options_.tier);
  if (runner_ == nullptr)
    return Error{fmt::format("verify: --tier {}: this build does not have it", tier_name(options_.tier))};
  if (options_.against == Against::Interp) {
    reference_ = verify::interpreter_runner();
    checker_ = verify::against_runner(*runner_, *reference_, model_.features);
    return {};
  }
  auto command = oracle_command(options_, model_.features);
  if (!command) return command.error();
  auto oracle = verify::Oracle::start(*command);
  if (!oracle) return Error{"verify: " + oracle.error().message};
  oracle_ = std::move(*oracle);
  checker_ = verify::against_oracle(*runner_, *oracle_, model_);
  return {};
}

std::vector<Class> VerifyRun::chosen() const {
  if (!options_.classes.empty()) return options_.classes;
  std::vector<Class> all;
  for (const verify::ClassInfo& c : verify::classes())
    if (verify::is_program(c.which) == (options_.tier == Tier::Tiered)) all.push_back(c.which);
  return all;
}

Status VerifyRun::load_progress() {
  std::ifstream file(options_.progress);
  if (!file) return {};
  const Json json = Json::parse(file, nullptr, false);
  const auto is_number = [&](const Json& j, const char* name) {
    return j.contains(name) && j[name].is_number_unsigned();
  };
  if (!json.is_object() || !is_number(json, "seed") || !json.contains("what") || !json.contains("classes"))
    return Error{fmt::format("verify: {}: not a progress file, expected one that --progress wrote", options_.progress)};
  if (json["what"] != key_of(options_))
    return Error{fmt::format("verify: {}: is of \"{}\", expected \"{}\"", options_.progress,
                             json["what"].is_string() ? json["what"].get<std::string>() : "", key_of(options_))};
  if (options_.seed && *options_.seed != json["seed"]) return {};
  seed_ = json["seed"];
  for (const auto& [key, value] : json["classes"].items()) {
    const auto c = verify::find_class(key);
    if (!c || !is_number(value, "sequences") || !is_number(value, "cases") || !is_number(value, "instructions"))
      continue;
    done_.push_back({*c, {value["sequences"], value["cases"], value["instructions"]}});
  }
  return {};
}

void VerifyRun::save(const std::string& path, bool finished) const {
  Json json;
  json["what"] = key_of(options_);
  json["seed"] = seed_;
  u64 sequences = 0, cases = 0;
  for (const auto& [c, counts] : done_) {
    json["classes"][std::string(verify::name(c))] = {
        {"sequences", counts.sequences}, {"cases", counts.cases}, {"instructions", counts.instructions}};
    sequences += counts.sequences;
    cases += counts.cases;
  }
  if (finished) {
    json["sequences"] = sequences;
    json["cases"] = cases;
    json["distinct_words"] = distinct_.count();
    json["differences"] = findings_;
  }
  const std::string part = path + ".part";
  std::ofstream(part) << json.dump(2) << "\n";
  if (std::rename(part.c_str(), path.c_str()) != 0) fmt::print(stderr, "verify: {}: cannot be written\n", path);
}

std::string VerifyRun::again(Class c, u64 number) const {
  std::string line = fmt::format(
      "ferry verify --against {} --tier {} --class {} --cpu {} --states {} --seed {} --sequence {}",
      name(options_.against), tier_name(options_.tier), verify::name(c), options_.cpu, options_.states, seed_, number);
  if (options_.length != 0) line += fmt::format(" --length {}", options_.length);
  if (!options_.oracle.empty()) line += " --oracle " + options_.oracle;
  return line;
}

void VerifyRun::tell(const verify::Finding& finding, Class c, u64 number) {
  ++findings_;
  fmt::print("{}\n", verify::report(finding, *checker_, model_.features, again(c, number)));
  std::fflush(stdout);
}

// Those of the class that are still to be run, and what is told of them. run: of a number; whether it found something.
template <class Run>
Status VerifyRun::run_sequences(Class c, const Counts& counts, Run run) {
  const auto start = HostClock::now();
  const u64 before = counts.cases;
  const u64 first = options_.only.value_or(counts.sequences);
  const u64 end = options_.only ? first + 1 : options_.sequences_of_each();
  for (u64 n = first; n < end && findings_ < options_.findings; ++n) {
    if (Status status = run(n); !status) return status;
    if (!options_.progress.empty() && HostClock::now() - saved_ > kSaveEvery) {
      save(options_.progress, false);
      saved_ = HostClock::now();
      fmt::print(stderr, "verify: {} {}: {} of {} sequences\n", key_of(options_), verify::name(c), n + 1, end);
    }
  }
  fmt::print("{:<16} {:>9} sequences {:>11} cases {:>9.0f} cases/s\n", verify::name(c), counts.sequences, counts.cases,
             static_cast<double>(counts.cases - before) / std::max(seconds_since(start), 1e-3));
  std::fflush(stdout);
  return {};
}

Status VerifyRun::run_class(Class c) {
  Counts* counts = nullptr;
  for (auto& [done, its] : done_)
    if (done == c) counts = &its;
  if (counts == nullptr) counts = &done_.emplace_back(c, Counts{}).second;
  if (verify::is_program(c)) {
    verify::ProgramCampaign programs(options_.tier, c, seed_, model_);
    programs.set_counts(*counts);
    programs.set_distinct(&distinct_);
    Status status = run_sequences(c, *counts, [&](u64 n) -> Status {
      const auto finding = programs.run(n, options_.states);
      *counts = programs.counts();
      if (finding) {
        ++findings_;
        fmt::print("{}again: {}\n", finding->report, again(c, n));
        std::fflush(stdout);
      }
      return {};
    });
    if (options_.tier == Tier::Tiered) fmt::print(stderr, "verify: {} regions\n", programs.regions());
    return status;
  }
  verify::Campaign campaign(*checker_, c, seed_, model_, debug::disassemble_host);
  if (options_.length != 0) campaign.set_length(static_cast<unsigned>(options_.length));
  for (u64 n = 0; n < counts->sequences; ++n) campaign.note(n, distinct_);
  campaign.set_counts(*counts);
  campaign.set_distinct(&distinct_);
  return run_sequences(c, *counts, [&](u64 n) -> Status {
    auto finding = campaign.run(n, options_.states);
    if (!finding) return Error{fmt::format("verify: {}\nagain: {}", finding.error().message, again(c, n))};
    *counts = campaign.counts();
    if (*finding) tell(**finding, c, n);
    return {};
  });
}

int VerifyRun::run() {
  seed_ = options_.seed.value_or(static_cast<u64>(std::chrono::system_clock::now().time_since_epoch().count()) >> 16 &
                                 0x7fffffff);
  Status status;
  if (!options_.progress.empty()) status = load_progress();
  if (status) status = start();
  if (status)
    fmt::print(stderr, "verify: {} seed {}\n", checker_ ? checker_->who() : "tiered against interpreter", seed_);
  for (const Class c : chosen()) {
    if (!status || findings_ >= options_.findings) break;
    status = run_class(c);
  }
  if (!status) {
    fmt::print(stderr, "ferry: {}\n", status.error().message);
    return control::kExitUsage;
  }
  if (!options_.progress.empty()) save(options_.progress, false);
  if (!options_.counts.empty()) save(options_.counts, true);
  if (findings_ != 0) {
    fmt::print("{} difference{} (seed {})\n", findings_, findings_ == 1 ? "" : "s", seed_);
    return kExitDifference;
  }
  fmt::print("no difference (seed {})\n", seed_);
  return control::kExitOk;
}

void list() {
  for (const verify::ClassInfo& c : verify::classes()) fmt::print("{:<16} {}\n", c.name, c.sentence);
  fmt::print("skipped:\n");
  for (const std::string_view reason : verify::skip_reasons()) fmt::print("  {}\n", reason);
}

}  // namespace

int verify_command(Arguments arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  const auto own = static_cast<usize>(dashes - arguments.begin());
  auto options = parse_verify_options(arguments.first(own));
  if (options && options->help) {
    fmt::print("{}", verify_help());
    return control::kExitOk;
  }
  if (options && options->list) {
    list();
    return control::kExitOk;
  }
  if (options && !options->lockstep && own != arguments.size()) options = Error{"verify: --: only for --lockstep"};
  if (options && options->lockstep) {
    if (own == arguments.size())
      options = Error{"verify: --lockstep: expected -- and the options of a run behind it"};
    else
      return run_lockstep(*options, arguments.subspan(own + 1));
  }
  auto model = options ? cpu::find_model(options->cpu) : Result<const cpu::Model*>(options.error());
  if (!model) {
    fmt::print(stderr, "ferry: {}\n", model.error().message);
    return control::kExitUsage;
  }
  return VerifyRun(*options, **model).run();
}

}  // namespace ferry::app
