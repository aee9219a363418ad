// What the tests of the compiled tiers run blocks on: a CPU state, a small guest memory behind shadow TLBs and slow
// paths, and the comparison of one run with the interpreter's.
#pragma once
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "core/access.h"
#include "cpu/state.h"
#include "ir/block.h"
#include "jit/abi.h"

namespace ferry::jit::test {

// Guest memory: kPages pages at kBase. By page number modulo 4: 0 and 1 are in the TLBs, 2 is not (slow path succeeds),
// 3 faults.
constexpr u64 kBase = 0xffff'8000'4000'0000;
constexpr usize kPages = 8;
constexpr usize kMemBytes = kPages * 4096;

struct Machine {
  cpu::CpuState s{};
  alignas(64) std::array<u8, kMemBytes> memory{};
  std::vector<cpu::TlbEntry> tables, unpriv;  // for reading, and right behind for writing
  std::vector<cpu::JumpEntry> jumps;
  std::vector<cpu::HelperFn> helpers;
  std::array<const void*, static_cast<usize>(MemHelper::kCount)> mem_helpers{};
  u64 slow_calls = 0;
  std::function<void()> on_slow_call;  // what else a slow path does

  Machine()
      : tables(2 * cpu::kTlbEntries, {cpu::kTlbInvalid, 0}),
        unpriv(tables),
        jumps(cpu::kJumpEntries, {~u64{0}, 0, nullptr, 0}) {
    for (usize p = 0; p < kPages; ++p) {
      if (p % 4 > 1) continue;
      const u64 va = kBase + 4096 * p;
      const cpu::TlbEntry e{va, reinterpret_cast<u64>(memory.data() + 4096 * p) - va};
      const usize index = (va >> 12) & (cpu::kTlbEntries - 1);
      tables[index] = tables[cpu::kTlbEntries + index] = e;
    }
    mem_helpers = {reinterpret_cast<const void*>(&slow_load), reinterpret_cast<const void*>(&slow_store),
                   reinterpret_cast<const void*>(&slow_atomic), reinterpret_cast<const void*>(&slow_zero)};
    for (unsigned h = 0; h < static_cast<unsigned>(cpu::Helper::kCount); ++h)
      helpers.push_back(cpu::helper_info(static_cast<cpu::Helper>(h)).function);
    s.tlb_read = tables.data();
    s.tlb_write = s.tlb_read + cpu::kTlbEntries;
    s.tlb_unpriv_read = unpriv.data();
    s.tlb_unpriv_write = s.tlb_unpriv_read + cpu::kTlbEntries;
    s.jump_cache = jumps.data();
    s.helpers = helpers.data();
    s.mem_helpers = mem_helpers.data();
    s.mmu = this;
    s.context = 0x1234;
    s.pc_page = kBase;
    s.budget = 1000;
  }
  Machine(const Machine&) = delete;

  static Machine& of(cpu::CpuState& s) { return *static_cast<Machine*>(s.mmu); }

  // Host memory of an access, or nullptr after raising a fault.
  static u8* reach(cpu::CpuState& s, u64 va, u32 access) {
    Machine& m = of(s);
    ++m.slow_calls;
    if (m.on_slow_call) m.on_slow_call();
    s.site = access_site(access);
    const MemInfo info = MemInfo::decode(access);
    const u64 bytes = info.zero_block ? 64 : info.bytes();
    const u64 align = info.aligned ? bytes : s.mode.align_check() != 0 ? u64{1} << info.size_log2 : 1;
    const u64 off = va - kBase;
    const bool mapped =
        off < kMemBytes && off + bytes <= kMemBytes && (off >> 12) % 4 != 3 && ((off + bytes - 1) >> 12) % 4 != 3;
    if (mapped && va % align == 0) return m.memory.data() + off;
    s.fault = 1;
    s.exception = {};
    s.exception.far = va;
    s.exception.iss = info.write ? 1 : 0;
    return nullptr;
  }
  static u64 slow_load(cpu::CpuState& s, u64 va, u32 access) {
    const u8* p = reach(s, va, access);
    if (p == nullptr) return 0xdeadbeefdeadbeef;
    const MemInfo info = MemInfo::decode(access);
    const usize size = usize{1} << info.size_log2;
    u64 r = 0;
    if (size == 16) {
      std::memcpy(&s.vargs[0], p, info.pair ? 32 : 16);
    } else if (info.pair) {
      s.vargs[0] = {};
      std::memcpy(&s.vargs[0].lo, p, size);
      std::memcpy(&s.vargs[0].hi, p + size, size);
    } else {
      std::memcpy(&r, p, size);
    }
    return r;
  }
  static u64 slow_store(cpu::CpuState& s, u64 va, u32 access, u64 v0, u64 v1) {
    u8* p = reach(s, va, access);
    if (p == nullptr) return 0;
    const MemInfo info = MemInfo::decode(access);
    const usize size = usize{1} << info.size_log2;
    if (size == 16) {
      std::memcpy(p, &s.vargs[0], info.pair ? 32 : 16);
    } else {
      std::memcpy(p, &v0, size);
      if (info.pair) std::memcpy(p + size, &v1, size);
    }
    return info.exclusive ? va >> 4 & 1 : 0;
  }
  static u64 slow_atomic(cpu::CpuState& s, u64 va, u32 access, u64 kind, u64 v0, u64 v1) {
    u8* p = reach(s, va, access);
    if (p == nullptr) return 0;
    const MemInfo info = MemInfo::decode(access);
    if (info.pair) {
      const U128 expected = s.vargs[0], fresh = s.vargs[1];
      std::memcpy(&s.vargs[0], p, 16);
      if (s.vargs[0] == expected) std::memcpy(p, &fresh, 16);
      return 0;
    }
    u64 old = 0;
    std::memcpy(&old, p, usize{1} << info.size_log2);
    u64 fresh = old + v0;
    if (kind == kRmwCas) fresh = old == v0 ? v1 : old;
    std::memcpy(p, &fresh, usize{1} << info.size_log2);
    return old;
  }
  static u64 slow_zero(cpu::CpuState& s, u64 va, u32 access) {
    u8* p = reach(s, va & ~u64{63}, access);
    if (p != nullptr) std::memset(p, 0, 64);
    return 0;
  }

  // The same guest-visible contents as another machine.
  void copy_guest(const Machine& from) {
    std::memcpy(s.x, from.s.x, sizeof s.x);
    std::memcpy(s.v, from.s.v, sizeof s.v);
    std::memcpy(s.sys, from.s.sys, sizeof s.sys);
    s.nzcv = from.s.nzcv;
    s.fpsr = from.s.fpsr;
    s.fpcr = from.s.fpcr;
    s.mode = from.s.mode;
    s.pc_page = from.s.pc_page;
    s.fault = 0;
    s.exception = {};
    memory = from.memory;
  }
};

// What differs in guest-visible state, in words; empty: nothing.
std::string difference(const Machine& want, const Machine& got);

}  // namespace ferry::jit::test
