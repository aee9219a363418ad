// ELF64 executables. Source: System V ABI, "Object Files" and "Program Loading"; ELF for the Arm 64-bit Architecture
// (AArch64).
#include <fmt/format.h>

#include <cstring>

#include "machines/loader.h"

namespace ferry::machines {
namespace {

struct ElfHeader {
  u8 ident[16];
  u16 type, machine;
  u32 version;
  u64 entry, phoff, shoff;
  u32 flags;
  u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct ProgramHeader {
  u32 type, flags;
  u64 offset, vaddr, paddr, filesz, memsz, align;
};
static_assert(sizeof(ElfHeader) == 64 && sizeof(ProgramHeader) == 56);

constexpr u32 kPtLoad = 1;
constexpr u16 kMachineAArch64 = 183;
constexpr u64 kLargestImage = u64{1} << 40;

std::string machine_name(u16 machine) {
  switch (machine) {
    case 3: return "32-bit x86";
    case 40: return "32-bit Arm";
    case 62: return "x86-64";
    case 243: return "RISC-V";
    default: return fmt::format("machine {}", machine);
  }
}

}  // namespace

bool looks_like_elf(std::span<const u8> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "\177ELF", 4) == 0;
}

Result<LoadedImage> parse_elf(std::span<const u8> bytes, const std::string& path) {
  const auto wrong = [&](const std::string& sentence) {
    return Error{fmt::format("{}: {}, expected an AArch64 ELF executable", path, sentence)};
  };
  ElfHeader header{};
  if (bytes.size() < sizeof(header)) return wrong("truncated ELF header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.ident[4] != 2) return wrong("a 32-bit ELF file");
  if (header.ident[5] != 1) return wrong("a big-endian ELF file");
  if (header.machine != kMachineAArch64) return wrong("an ELF file for " + machine_name(header.machine));
  if (header.type != 2 && header.type != 3) return wrong("an ELF file that is not an executable");
  if (header.phnum == 0 || header.phentsize != sizeof(ProgramHeader))
    return wrong("an ELF file without program headers");
  if (header.phoff > bytes.size() || bytes.size() - header.phoff < u64{header.phnum} * sizeof(ProgramHeader)) {
    return wrong("truncated ELF file, its program headers lie beyond its end");
  }
  LoadedImage image;
  image.kind = LoadedImage::Kind::Elf;
  image.entry = header.entry;
  bool entry_found = false;
  for (usize i = 0; i < header.phnum; ++i) {
    ProgramHeader program{};
    std::memcpy(&program, bytes.data() + header.phoff + i * sizeof(program), sizeof(program));
    if (program.type != kPtLoad || program.memsz == 0) continue;
    if (program.filesz > program.memsz || program.memsz > kLargestImage)
      return wrong(fmt::format("segment {} has an impossible size", i));
    if (program.offset > bytes.size() || bytes.size() - program.offset < program.filesz) {
      return wrong(fmt::format("truncated ELF file, segment {} lies beyond its end", i));
    }
    if (program.paddr + (program.memsz - 1) < program.paddr)
      return wrong(fmt::format("segment {} wraps around memory", i));
    // The entry is a virtual address; processors start with the MMU off, so it goes where its segment goes.
    if (!entry_found && header.entry >= program.vaddr && header.entry - program.vaddr < program.memsz) {
      image.entry = header.entry - program.vaddr + program.paddr;
      entry_found = true;
    }
    const auto content = bytes.subspan(program.offset, program.filesz);
    image.segments.push_back({program.paddr, program.memsz, {content.begin(), content.end()}, path});
  }
  if (image.segments.empty()) return wrong("an ELF file with nothing to load");
  if (!entry_found) return wrong(fmt::format("the entry point {:#x} lies in no segment", header.entry));
  return image;
}

}  // namespace ferry::machines
