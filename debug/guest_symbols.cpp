#include "debug/guest_symbols.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace ferry::debug {
namespace {

// A record at an offset that may lie anywhere.
template <class T>
bool read_at(std::span<const u8> bytes, u64 offset, T& out) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&out, bytes.data() + offset, sizeof(T));
  return true;
}

// A string of a table that may lack its zero.
std::string string_at(std::span<const u8> bytes, const Elf64_Shdr& table, u64 offset) {
  if (offset >= table.sh_size || table.sh_offset > bytes.size() || bytes.size() - table.sh_offset < table.sh_size)
    return {};
  const char* const from = reinterpret_cast<const char*>(bytes.data() + table.sh_offset + offset);
  return {from, strnlen(from, table.sh_size - offset)};
}

// $x, $d and .L: marks of the assembler's.
bool is_mark(std::string_view name) { return name.empty() || name[0] == '$' || name.starts_with(".L"); }

}  // namespace

bool GuestSymbols::from_elf(std::span<const u8> bytes, std::vector<Symbol>& out) {
  Elf64_Ehdr header;
  if (!read_at(bytes, 0, header) || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_AARCH64)
    return false;
  for (u64 i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section, strings;
    if (!read_at(bytes, header.e_shoff + i * sizeof section, section)) return false;
    if (section.sh_type != SHT_SYMTAB || section.sh_entsize != sizeof(Elf64_Sym)) continue;
    if (!read_at(bytes, header.e_shoff + u64{section.sh_link} * sizeof strings, strings)) return false;
    for (u64 at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      if (!read_at(bytes, section.sh_offset + at, symbol)) return false;
      const unsigned type = ELF64_ST_TYPE(symbol.st_info);
      if ((type != STT_FUNC && type != STT_NOTYPE) || symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS)
        continue;
      std::string name = string_at(bytes, strings, symbol.st_name);
      if (!is_mark(name)) out.push_back({symbol.st_value, symbol.st_size, std::move(name)});
    }
  }
  return true;
}

// Lines of "address type name", and a module's name behind them in kallsyms. Only text counts.
void GuestSymbols::from_map(std::span<const u8> bytes, std::vector<Symbol>& out) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    const usize end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    u64 at = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), at, 16);
    const usize used = static_cast<usize>(rest - line.data());
    if (error != std::errc{} || line.size() < used + 4 || line[used] != ' ' || line[used + 2] != ' ') continue;
    if (std::string_view("tTwW").find(line[used + 1]) == std::string_view::npos) continue;
    std::string_view name = line.substr(used + 3);
    name = name.substr(0, name.find_first_of(" \t\r"));
    if (!is_mark(name)) out.push_back({at, 0, std::string(name)});
  }
}

Result<GuestSymbols> GuestSymbols::parse(std::span<const u8> bytes, const std::string& path) {
  GuestSymbols made;
  const bool elf = bytes.size() >= 4 && std::memcmp(bytes.data(), "\177ELF", 4) == 0;
  if (elf && !from_elf(bytes, made.symbols_))
    return Error{fmt::format("{}: a damaged ELF file or one for another machine, expected one for AArch64", path)};
  if (!elf) from_map(bytes, made.symbols_);
  if (made.symbols_.empty())
    return Error{
        fmt::format("{}: no symbols of code, expected a System.map or an AArch64 ELF file that is not stripped", path)};
  std::stable_sort(made.symbols_.begin(), made.symbols_.end(),
                   [](const Symbol& a, const Symbol& b) { return a.at < b.at; });
  return made;
}

Result<GuestSymbols> GuestSymbols::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{fmt::format("{}: {}, expected a System.map or an ELF file", path, std::strerror(errno))};
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  return parse({reinterpret_cast<const u8*>(bytes.data()), bytes.size()}, path);
}

std::string GuestSymbols::name_of(u64 va) const {
  auto it = std::upper_bound(symbols_.begin(), symbols_.end(), va, [](u64 at, const Symbol& s) { return at < s.at; });
  if (it == symbols_.begin()) return {};
  --it;
  const u64 offset = va - it->at;
  if (offset >= (it->size != 0 ? it->size : kReach)) return {};
  return offset == 0 ? it->name : fmt::format("{}+{:#x}", it->name, offset);
}

}  // namespace ferry::debug
