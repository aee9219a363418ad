// Names of the guest's code: from a System.map (or /proc/kallsyms) or an AArch64 ELF file's symbol table. Source:
// System V ABI, "Symbol Table".
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry::debug {

class GuestSymbols {
 public:
  static Result<GuestSymbols> load(const std::string& path);
  // The same from bytes; path is for messages.
  static Result<GuestSymbols> parse(std::span<const u8> bytes, const std::string& path);

  // "name+0x40", "name" at its beginning, empty when no symbol covers va.
  std::string name_of(u64 va) const;
  usize size() const { return symbols_.size(); }

 private:
  struct Symbol {
    u64 at = 0, size = 0;  // size 0: to the next one, kReach at most
    std::string name;
  };
  static constexpr u64 kReach = 1 << 20;
  static bool from_elf(std::span<const u8> bytes, std::vector<Symbol>& out);
  static void from_map(std::span<const u8> bytes, std::vector<Symbol>& out);

  std::vector<Symbol> symbols_;  // by at
};

}  // namespace ferry::debug
