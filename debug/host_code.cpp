#include "debug/host_code.h"

#include <capstone/capstone.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ferry::debug {
namespace {

#if defined(__x86_64__)
constexpr cs_arch kArch = CS_ARCH_X86;
constexpr cs_mode kMode = CS_MODE_64;
constexpr usize kStep = 1;
#else
constexpr cs_arch kArch = CS_ARCH_ARM64;
constexpr cs_mode kMode = CS_MODE_LITTLE_ENDIAN;
constexpr usize kStep = 4;
#endif

void append_bytes(std::string& out, const u8* bytes, usize size) {
  for (usize i = 0; i < size; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", bytes[i]);
}

}  // namespace

std::string disassemble_host(const void* code, usize size) {
  const u8* at = static_cast<const u8*>(code);
  std::string out;
  csh handle = 0;
  const bool open = cs_open(kArch, kMode, &handle) == CS_ERR_OK;
  cs_insn* insn = open ? cs_malloc(handle) : nullptr;
  const u8* next = at;
  usize left = size;
  u64 address = reinterpret_cast<u64>(code);
  while (left > 0) {
    const u8* const start = next;
    fmt::format_to(std::back_inserter(out), "  {:#x}  ", address);
    if (insn != nullptr && cs_disasm_iter(handle, &next, &left, &address, insn)) {
      append_bytes(out, start, insn->size);
      out.append(insn->size < 12 ? 26u - 2u * insn->size : 2u, ' ');
      fmt::format_to(std::back_inserter(out), "{} {}\n", insn->mnemonic, insn->op_str);
      continue;
    }
    const usize step = std::min(kStep, left);
    append_bytes(out, start, step);
    out += "  (not an instruction)\n";
    next = start + step;
    left -= step;
    address += step;
  }
  if (insn != nullptr) cs_free(insn, 1);
  if (open) cs_close(&handle);
  return out;
}

}  // namespace ferry::debug
