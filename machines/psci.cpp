#include "machines/psci.h"

#include <optional>

#include "core/log.h"
#include "machines/tree_edit.h"

namespace ferry::machines {
namespace {

// DEN 0022F, 5.1 and 5.2
enum Function : u32 {
  kPsciVersion = 0x84000000,
  kCpuSuspend32 = 0x84000001,
  kCpuSuspend64 = 0xc4000001,
  kCpuOff = 0x84000002,
  kCpuOn32 = 0x84000003,
  kCpuOn64 = 0xc4000003,
  kAffinityInfo32 = 0x84000004,
  kAffinityInfo64 = 0xc4000004,
  kMigrateInfoType = 0x84000006,
  kSystemOff = 0x84000008,
  kSystemReset = 0x84000009,
  kPsciFeatures = 0x8400000a,
  kSystemReset2_32 = 0x84000012,
  kSystemReset2_64 = 0xc4000012,
  // DEN 0028, 7.2 and 7.3
  kSmcccVersion = 0x80000000,
  kSmcccArchFeatures = 0x80000001,
};

constexpr i64 kSuccess = 0, kNotSupported = -1, kInvalidParameters = -2, kAlreadyOn = -4, kOnPending = -5,
              kInternalFailure = -6, kInvalidAddress = -9;
constexpr u64 kVersion1_1 = 0x10001;
constexpr u64 kAffinityMask = 0xff00ffffff;
constexpr u64 kPowerStateReserved = 0xfcfe0000;  // 5.4.2, original format
constexpr u64 kNoMigration = 2;                  // a trusted OS that need not migrate, or none

u64 result(i64 value) { return static_cast<u64>(value); }

std::optional<unsigned> processor_of(const PsciHost& host, u64 affinity) {
  for (unsigned i = 0; i < host.processors(); ++i) {
    if (affinity_of(i) == (affinity & kAffinityMask)) return i;
  }
  return std::nullopt;
}

bool implemented(u64 function) {
  switch (static_cast<u32>(function)) {
    case kPsciVersion:
    case kCpuSuspend32:
    case kCpuSuspend64:
    case kCpuOff:
    case kCpuOn32:
    case kCpuOn64:
    case kAffinityInfo32:
    case kAffinityInfo64:
    case kMigrateInfoType:
    case kSystemOff:
    case kSystemReset:
    case kPsciFeatures:
    case kSmcccVersion: return true;
    default: return false;
  }
}

u64 cpu_on(PsciHost& host, u64 affinity, u64 entry, u64 context) {
  const auto processor = processor_of(host, affinity);
  if (!processor) return result(kInvalidParameters);
  if (entry % 4 != 0 || !host.is_memory(entry)) return result(kInvalidAddress);
  if (host.power_on(*processor, entry, context)) return result(kSuccess);
  return result(host.power(*processor) == PsciHost::Power::OnPending ? kOnPending : kAlreadyOn);
}

}  // namespace

u64 firmware_call(PsciHost& host, const std::array<u64, 4>& x) {
  const u32 function = static_cast<u32>(x[0]);
  const bool wide = (function & 0x40000000) != 0;  // SMC64: whole registers are arguments
  const auto argument = [&](usize i) { return wide ? x[i] : x[i] & low_mask(32); };
  switch (function) {
    case kPsciVersion: return kVersion1_1;
    case kSmcccVersion: return kVersion1_1;
    case kSmcccArchFeatures:
      return argument(1) == kSmcccVersion || argument(1) == kSmcccArchFeatures ? result(kSuccess)
                                                                               : result(kNotSupported);
    case kPsciFeatures: return implemented(argument(1)) ? result(kSuccess) : result(kNotSupported);
    case kMigrateInfoType: return kNoMigration;
    case kCpuSuspend32:
    case kCpuSuspend64:
      // 5.4: a power-down state may be answered by a standby state, which returns here.
      if ((argument(1) & kPowerStateReserved) != 0) return result(kInvalidParameters);
      host.suspend_self();
      return result(kSuccess);
    case kCpuOn32:
    case kCpuOn64: return cpu_on(host, argument(1), argument(2), argument(3));
    case kAffinityInfo32:
    case kAffinityInfo64: {
      const auto processor = processor_of(host, argument(1));
      if (!processor || argument(2) != 0) return result(kInvalidParameters);
      return static_cast<u64>(host.power(*processor));
    }
    case kCpuOff: host.power_off_self(); return result(kSuccess);  // nobody sees it
    case kSystemOff: host.system_off(); return result(kInternalFailure);
    case kSystemReset: host.system_reset(); return result(kInternalFailure);
    default: unimplemented("firmware: call {:#x}, answered with NOT_SUPPORTED", x[0]); return result(kNotSupported);
  }
}

}  // namespace ferry::machines
