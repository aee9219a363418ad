#include "runtime/persistent/engine.h"

#include <elf.h>
#include <link.h>
#include <sodium.h>
#include <sys/auxv.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace ferry::runtime::persistent {
namespace {

// They decide when and whether, not what is compiled.
constexpr std::string_view kLeaveCodeAlone[] = {
    "code.cache",    "chain.cross_page",      "chain.direct", "chain.indirect", "llvm.delay",
    "llvm.heap",     "llvm.threshold",        "llvm.queue",   "llvm.regions",   "llvm.region_insns",
    "sched.quantum", "smc.retranslate_limit", "wfe.sleep",
};

// The program's build ID, or nothing when the linker gave it none.
std::string build_id() {
  std::string id;
  const auto note = [](dl_phdr_info* info, usize, void* out) {
    for (int n = 0; n < info->dlpi_phnum; ++n) {
      const auto& ph = info->dlpi_phdr[n];
      if (ph.p_type != PT_NOTE) continue;
      const char* at = reinterpret_cast<const char*>(info->dlpi_addr + ph.p_vaddr);
      for (usize left = ph.p_memsz; left >= sizeof(ElfW(Nhdr));) {
        ElfW(Nhdr) h;
        std::memcpy(&h, at, sizeof(h));
        const usize name = (h.n_namesz + 3u) & ~3u, size = sizeof(h) + name + ((h.n_descsz + 3u) & ~3u);
        if (size > left) break;
        if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4)
          static_cast<std::string*>(out)->assign(at + sizeof(h) + name, h.n_descsz);
        at += size;
        left -= size;
      }
    }
    return 1;  // the first is the program
  };
  dl_iterate_phdr(note, &id);
  return id;
}

std::string program_itself() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string host_features() {
  std::string text;
#if defined(__x86_64__)
  const auto leaf = [&](unsigned number, unsigned sub, bool with_eax, bool with_ebx) {
    unsigned r[4] = {};
    if (__get_cpuid_count(number, sub, &r[0], &r[1], &r[2], &r[3]) == 0) return;
    if (!with_eax) r[0] = 0;
    if (!with_ebx) r[1] = 0;  // leaf 1: which processor is asked
    text.append(reinterpret_cast<const char*>(r), sizeof(r));
  };
  leaf(1, 0, true, false);
  leaf(7, 0, true, true);
  leaf(7, 1, true, true);
  leaf(0x80000001, 0, true, true);
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_OSXSAVE) != 0) {  // what of it the host's kernel lets run
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    text += std::to_string(u64{d} << 32 | a);
  }
#else
  const unsigned long words[] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
  text.append(reinterpret_cast<const char*>(words), sizeof(words));
#endif
  return text;
}

}  // namespace

Fingerprint engine_fingerprint(const Settings& settings, cpu::FeatureSet features) {
  const auto counts = [](std::string_view name) {
    return !name.starts_with("cache.") && !name.starts_with("perf.") &&
           std::find(std::begin(kLeaveCodeAlone), std::end(kLeaveCodeAlone), name) == std::end(kLeaveCodeAlone);
  };
  std::string program = build_id();
  if (program.empty()) program = program_itself();
  const char* const named = std::getenv("FERRY_LLVM_CPU");
  std::string text = "ferry code 2\n" + program + host_features() + std::to_string(features.value());
  if (named != nullptr) text += std::string("\n") + named;
  for (const SettingRow& row : setting_rows())
    if (counts(row.name)) text += "\n" + std::string(row.name) + "=" + setting_text(settings, row);
  Fingerprint fingerprint;
  crypto_generichash(fingerprint.data(), fingerprint.size(), reinterpret_cast<const u8*>(text.data()), text.size(),
                     nullptr, 0);
  return fingerprint;
}

}  // namespace ferry::runtime::persistent
