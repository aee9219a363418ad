// Names of guest code from a System.map and from ELF bytes, also damaged ones.
#include "debug/guest_symbols.h"

#include <elf.h>

#include <cstring>
#include <string_view>

#include "tests/catch.h"

using namespace ferry;
using debug::GuestSymbols;

namespace {

std::span<const u8> bytes_of(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

// A header, a symbol table of `first` (16 bytes at 0x1000) and `second` (no size, at 0x2000), its strings.
std::vector<u8> small_elf() {
  constexpr char kNames[] = "\0first\0second\0$x";
  struct File {
    Elf64_Ehdr header{};
    Elf64_Shdr sections[2]{};
    Elf64_Sym symbols[3]{};
    char names[sizeof kNames]{};
  } file;
  std::memcpy(file.header.e_ident, ELFMAG, SELFMAG);
  file.header.e_ident[EI_CLASS] = ELFCLASS64;
  file.header.e_ident[EI_DATA] = ELFDATA2LSB;
  file.header.e_machine = EM_AARCH64;
  file.header.e_shoff = offsetof(File, sections);
  file.header.e_shnum = 2;
  Elf64_Shdr& table = file.sections[0];
  table.sh_type = SHT_SYMTAB;
  table.sh_offset = offsetof(File, symbols);
  table.sh_size = sizeof file.symbols;
  table.sh_entsize = sizeof(Elf64_Sym);
  table.sh_link = 1;
  file.sections[1].sh_offset = offsetof(File, names);
  file.sections[1].sh_size = sizeof kNames;
  const auto symbol = [](u32 name, u64 at, u64 size) {
    Elf64_Sym s{};
    s.st_name = name;
    s.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    s.st_shndx = 1;
    s.st_value = at;
    s.st_size = size;
    return s;
  };
  file.symbols[0] = symbol(7, 0x2000, 0);
  file.symbols[1] = symbol(1, 0x1000, 16);
  file.symbols[2] = symbol(14, 0x1008, 0);  // $x
  std::memcpy(file.names, kNames, sizeof kNames);
  const u8* const from = reinterpret_cast<const u8*>(&file);
  return {from, from + sizeof file};
}

}  // namespace

TEST_CASE("guest symbols: a System.map") {
  auto symbols = GuestSymbols::parse(bytes_of("ffff800008000000 T _text\n"
                                              "ffff800008010000 t do_one_initcall\t[module]\n"
                                              "nonsense\n"
                                              "ffff800008010800 d data\n"
                                              "ffff800008011000 T schedule"),
                                     "System.map");
  REQUIRE(symbols.ok());
  CHECK(symbols->size() == 3);
  CHECK(symbols->name_of(0xffff800008010000) == "do_one_initcall");
  CHECK(symbols->name_of(0xffff800008010ffc) == "do_one_initcall+0xffc");
  CHECK(symbols->name_of(0xffff800008011004) == "schedule+0x4");
  CHECK(symbols->name_of(0xffff800007fffffc).empty());
  CHECK(symbols->name_of(0xffff900008011004).empty());
  CHECK_FALSE(GuestSymbols::parse(bytes_of("ffff800008010800 d data\n"), "x").ok());
  CHECK_FALSE(GuestSymbols::parse({}, "x").ok());
}

TEST_CASE("guest symbols: an ELF file") {
  auto symbols = GuestSymbols::parse(small_elf(), "a.elf");
  REQUIRE(symbols.ok());
  CHECK(symbols->size() == 2);
  CHECK(symbols->name_of(0x1000) == "first");
  CHECK(symbols->name_of(0x100c) == "first+0xc");
  CHECK(symbols->name_of(0x1010).empty());
  CHECK(symbols->name_of(0x2100) == "second+0x100");
}

TEST_CASE("guest symbols: every damaged byte and every length is survived") {
  const std::vector<u8> whole = small_elf();
  for (usize n = 0; n < whole.size(); ++n) static_cast<void>(GuestSymbols::parse({whole.data(), n}, "cut"));
  for (usize i = 0; i < whole.size(); ++i)
    for (const u8 value : {u8{0}, u8{0x7f}, u8{0xff}}) {
      std::vector<u8> other = whole;
      other[i] = value;
      if (auto symbols = GuestSymbols::parse(other, "damaged"); symbols.ok()) symbols->name_of(0x1004);
    }
}
