// What one `ferry run` is asked to do besides the machine itself.
#pragma once
#include <optional>
#include <string>

#include "core/settings.h"
#include "machines/launch.h"

namespace ferry::control {

struct RunOptions {
  enum class StatsForm : u8 { None, Text, Json };

  machines::LaunchRecord launch;
  Settings settings;

  std::string dumpdtb;     // write the tree here and end; empty: no
  bool no_reboot = false;  // a guest's reset ends the run
  bool snapshot = false;   // every drive forgets its writes

  std::optional<std::string> expect;
  std::optional<u64> timeout_ns;     // host time
  std::optional<u64> limit_insns;    // guest instructions; virtual time
  std::optional<u64> stop_at_insns;  // as above, and exactly there
  bool hash = false;
  StatsForm stats = StatsForm::None;

  std::string log_items;  // -d
  std::string log_file;   // -D
};

}  // namespace ferry::control
