// perf's map of code memory that is used again. tests/perf has the rest.
#include "runtime/perf_map.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/catch.h"

using namespace ferry;
using runtime::PerfMap;

namespace {

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the map for perf names what code memory held last") {
  const std::string path = fmt::format("/tmp/perf-{}.map", getpid());
  alignas(16) static u8 memory[256] = {};
  const auto at = [](usize offset) { return reinterpret_cast<u64>(memory) + offset; };
  Settings settings;
  settings.perf_map = true;
  {
    auto map = PerfMap::open(settings, [](u64 va) { return va == 0x1000 ? std::string("start") : std::string(); });
    REQUIRE(map.ok());
    (*map)->add(memory, 64, 0x1000, 1, PerfMap::Kind::Block);
    (*map)->add(memory + 64, 32, 0x2000, 0, PerfMap::Kind::Block);
    (*map)->add(memory + 128, 16, 0x1000, 1, PerfMap::Kind::Region);
    CHECK(content(path) ==
          fmt::format("{:x} 40 start\n{:x} 20 el0:2000\n{:x} 10 start[region]\n", at(0), at(64), at(128)));
    // Over the end of the first and all of the second; the third stays.
    (*map)->add(memory + 48, 80, 0x3000, 1, PerfMap::Kind::Block);
  }
  CHECK(content(path) == fmt::format("{:x} 50 el1:3000\n{:x} 10 start[region]\n", at(48), at(128)));
  std::filesystem::remove(path);
}

TEST_CASE("the dump for perf holds each use of code memory, with its bytes") {
  const std::string folder = fmt::format("/tmp/ferry-perf-{}", getpid());
  std::filesystem::create_directory(folder);
  static u8 memory[16] = {};
  Settings settings;
  settings.perf_jitdump = true;
  settings.perf_folder = folder;
  {
    auto map = PerfMap::open(settings, {});
    REQUIRE(map.ok());
    for (u8 n = 1; n <= 2; ++n) {
      std::fill(std::begin(memory), std::end(memory), n);
      (*map)->add(memory, sizeof memory, 0x1000 * n, 1, PerfMap::Kind::Block);
    }
  }
  const std::string dump = content(fmt::format("{}/jit-{}.dump", folder, getpid()));
  const std::string first = "el1:1000" + std::string(1, '\0') + std::string(16, '\1'),
                    second = "el1:2000" + std::string(1, '\0') + std::string(16, '\2');
  CHECK(dump.find(first) != std::string::npos);
  CHECK(dump.find(second) > dump.find(first));
  CHECK(dump.find(second) != std::string::npos);
  std::filesystem::remove_all(folder);
  const auto nowhere = PerfMap::open(settings, {});
  REQUIRE_FALSE(nowhere.ok());
  CHECK(nowhere.error().message.find(folder) != std::string::npos);
}
