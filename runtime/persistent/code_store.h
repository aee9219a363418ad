// The persistent code cache as the translator sees it: code of guest instructions, found by their bytes. Neither the
// physical nor the virtual address of a page is part of a key: code depends on neither.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/settings.h"
#include "cpu/features.h"
#include "cpu/mode.h"
#include "runtime/persistent/store.h"

namespace ferry::runtime::persistent {

class CodeStore {
 public:
  // In the folder that the settings name. An error: it cannot be used.
  static Result<std::unique_ptr<CodeStore>> open(const Settings& settings, cpu::FeatureSet features, Complain complain);

  struct Block {
    u32 insns = 0;             // words it was made of; 0: none is kept
    std::span<const u8> code;  // what jit::Tier::save gave; valid until the next call
  };
  // The block that begins with some of `words`; offset: bytes from the page.
  Block find_block(u32 offset, cpu::Mode mode, std::span<const u32> words);
  void add_block(u32 offset, cpu::Mode mode, std::span<const u32> words, std::span<const u8> code);
  // A region of blocks that jump to each other; the first is the entry.
  struct Part {
    i32 page_delta = 0;  // bytes from the entry's page to its own
    u32 offset = 0;      // bytes from its page
    std::vector<u32> words;
  };
  // Of the kept regions that begin with that block and for which `holds`, the one with the most parts: what
  // jit::RegionTier::save_region gave, valid until the next call; empty: there is none.
  using Holds = std::function<bool(const std::vector<Part>& parts)>;
  std::span<const u8> find_region(u32 offset, cpu::Mode mode, std::span<const u32> entry, const Holds& holds);
  bool has_region(u32 offset, cpu::Mode mode, std::span<const u32> entry);
  void add_region(cpu::Mode mode, const std::vector<Part>& parts, std::span<const u8> code);
  // What all regions call (jit::RegionTier::save_calls).
  std::span<const u8> find_calls();
  void add_calls(std::span<const u8> code);
  // The profile: which blocks had a region made of them, by a digest of their bytes. It says nothing about a host or a
  // build, so all engines share it, and it may be carried elsewhere (export, import).
  bool was_hot(u32 offset, cpu::Mode mode, std::span<const u32> words);
  void add_hot(u32 offset, cpu::Mode mode, std::span<const u32> words);
  void flush();
  // cache.verify: what is found is compiled too, and compared.
  bool verifies() const { return verify_; }

 private:
  CodeStore(std::unique_ptr<Store> store, std::unique_ptr<Store> profile, bool verify)
      : store_(std::move(store)), profile_(std::move(profile)), verify_(verify) {}
  std::unique_ptr<Store> store_;
  std::unique_ptr<Store> profile_;  // null: it cannot be used
  std::span<const u8> find_exactly(u64 hash, std::span<const u8> key);
  bool verify_;
};

// The folder that the settings name; empty: none, the user has no home or FERRY_CACHE is off.
std::string folder_of(const Settings& settings);

// The fingerprint under which the profile is kept.
Fingerprint profile_fingerprint();

// The profile as text (a header, then a line for each digest), and what such a text adds to it: the number of digests
// that were not there. An error names the line.
Result<std::string> export_profile(const std::string& folder, u64 limit);
Result<usize> import_profile(const std::string& folder, u64 limit, const std::string& text, const std::string& name);

}  // namespace ferry::runtime::persistent
