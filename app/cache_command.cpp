// `ferry cache`: the persistent code cache from outside.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include "app/commands.h"
#include "control/exit_status.h"
#include "core/settings.h"
#include "runtime/persistent/code_store.h"

namespace ferry::app {
namespace {

using namespace runtime::persistent;

constexpr const char* kUsage =
    "usage:\n"
    "  ferry cache list             shows the files of the persistent code cache\n"
    "  ferry cache clear            removes them\n"
    "  ferry cache export FILE      writes the profile: digests of guest code that became hot, no host code\n"
    "  ferry cache import FILE      adds such a profile; what it names is compiled early, here\n"
    "  --set cache.folder=PATH      another folder than $FERRY_CACHE or the user's own\n";

int bad(const std::string& message) {
  fmt::print(stderr, "ferry: {}\n", message);
  return control::kExitUsage;
}

int list(const std::string& path) {
  auto folder = Folder::look(path);
  if (!folder) return bad(folder.error().message);
  std::vector<Folder::Entry> all = folder->entries();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.used_ns > b.used_ns; });
  u64 total = 0;
  for (const Folder::Entry& e : all) {
    const std::time_t used = static_cast<std::time_t>(e.used_ns / 1'000'000'000);
    std::tm local{};
    char text[32];
    localtime_r(&used, &local);
    std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
    const bool profile = e.name == file_name(profile_fingerprint());
    fmt::print("{:>12} bytes  used {}  {}{}\n", e.size, text, e.name, profile ? "  (profile)" : "");
    total += e.size;
  }
  fmt::print("{:>12} bytes in {} files of {}\n", total, all.size(), path);
  return control::kExitOk;
}

int clear_all(const std::string& path) {
  auto gone = clear(path);
  if (!gone) return bad(gone.error().message);
  fmt::print("{} files removed from {}\n", *gone, path);
  return control::kExitOk;
}

int export_to(const std::string& path, u64 limit, const std::string& file) {
  auto text = export_profile(path, limit);
  if (!text) return bad(text.error().message);
  std::ofstream out(file, std::ios::binary);
  out << *text;
  out.close();
  if (!out) return bad(fmt::format("{}: {}, expected a file that can be written", file, std::strerror(errno)));
  return control::kExitOk;
}

int import_from(const std::string& path, u64 limit, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return bad(fmt::format("{}: {}, expected a file that ferry cache export wrote", file, std::strerror(errno)));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto added = import_profile(path, limit, text, file);
  if (!added) return bad(added.error().message);
  fmt::print("{} digests added\n", *added);
  return control::kExitOk;
}

}  // namespace

int cache_command(Arguments arguments) {
  Settings settings;
  std::vector<std::string> words;
  for (usize i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--help" || arguments[i] == "-h") {
      fmt::print("{}", kUsage);
      return control::kExitOk;
    }
    if (arguments[i] != "--set") {
      words.emplace_back(arguments[i]);
      continue;
    }
    if (++i == arguments.size()) return bad("--set: nothing follows, expected NAME=VALUE");
    if (Status status = set_setting(settings, arguments[i]); !status) return bad(status.error().message);
  }
  const std::string path = folder_of(settings);
  if (path.empty()) return bad("cache: no folder, expected HOME or --set cache.folder=PATH");
  if (words == std::vector<std::string>{"list"}) return list(path);
  if (words == std::vector<std::string>{"clear"}) return clear_all(path);
  if (words.size() == 2 && words[0] == "export") return export_to(path, settings.cache_size, words[1]);
  if (words.size() == 2 && words[0] == "import") return import_from(path, settings.cache_size, words[1]);
  return bad("cache: expected list, clear, export FILE or import FILE (ferry cache --help)");
}

}  // namespace ferry::app
