// Runs on one code cache, for tests of what the second one takes from the first.
#pragma once
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/runtime/tiered.h"

namespace ferry::runtime::testing {

namespace fs = std::filesystem;

constexpr u64 kContext = 0x1234;

#if defined(__x86_64__)
inline bool regions_are_kept() { return jit::regions_available(); }
#else
inline bool regions_are_kept() { return false; }
#endif

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "ferry-regions-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string path;
};

struct Words {
  std::vector<std::string> words;
};

// A run on the folder.
struct Run : Words, Tiered {
  template <class Change>
  Run(const Folder& folder, Change change)
      : Tiered([&](Settings& s) {
          s.cache_folder = folder.path + "/cache";
          change(s);
        }) {
    auto store = persistent::CodeStore::open(settings, {}, [this](const std::string& line) { words.push_back(line); });
    REQUIRE(store.ok());
    translator->set_code_store(std::move(*store));
  }
  explicit Run(const Folder& folder) : Run(folder, [](Settings&) {}) {}

  Translator::Lookup at(u64 offset) const {
    return {.pa = kPa + offset, .va = kPa + offset, .mode = {}, .context = kContext};
  }
  Translator::Found find(u64 offset) { return translator->find(at(offset), stats); }
  void link(u64 from, u64 to) {
    TranslatedBlock* const block = find(from).block;
    for (jit::LinkSite* site : block->code.links) {
      if ((block->pa & ~u64{0xfff}) + static_cast<u64>(i64{site->offset}) != kPa + to) continue;
      Translator::Lookup want = at(to);
      want.site = site;
      want.version = code.version;
      translator->find(want, stats);
      CHECK(site->target != nullptr);
    }
  }
  // Until a region of it is there, compiled or taken.
  void heat(u64 offset) {
    REQUIRE(find(offset).block != nullptr);
    for (unsigned i = 0; find(offset).block->promoted == nullptr; ++i) {
      REQUIRE(i < 60'000);
      translator->hot(at(offset), stats);
      if (find(offset).block->requested_ns != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (translator->has_regions()) translator->publish(stats);
    }
  }
};

// add x0, x0, #1; cmp x0, x1; b.ne -8; ret
constexpr std::initializer_list<u32> kLoop = {0x91000400, 0xeb01001f, 0x54ffffc1, 0xd65f03c0};

// Runs the loop from x0 = 0 to x1 = 1000 in the block's present code.
inline u64 count(Run& run, u64 offset) {
  cpu::CpuState s{};
  std::vector<cpu::JumpEntry> jumps(cpu::kJumpEntries, {~u64{0}, 0, nullptr, 0});
  s.jump_cache = jumps.data();
  s.context = kContext;
  s.pc_page = kPa + (offset & ~u64{0xfff});
  s.budget = 1 << 30;
  s.x[1] = 1000;
  run.translator->compiler()->enter(s, run.find(offset).code);
  return s.x[0];
}

inline std::string code_file(const Folder& folder) {
  std::string name;
  u64 size = 0;
  for (const auto& e : fs::directory_iterator(folder.path + "/cache"))
    if (e.path().extension() == ".code" && e.file_size() > size) {
      name = e.path().string();
      size = e.file_size();
    }
  return name;
}

}  // namespace ferry::runtime::testing
