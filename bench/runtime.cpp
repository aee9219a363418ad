// What translation costs, stage by stage, in time per guest instruction, over the text of Debian's kernel where it was
// fetched (build/guests/min/Image; $FERRY_BENCH_IMAGE names another), otherwise over a short loop.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/state.h"
#include "frontend/decoder.h"
#include "frontend/insn.h"
#include "frontend/translate.h"
#include "ir/passes.h"
#include "jit/helper_effects.h"
#include "jit/interpreter/interpreter.h"
#include "jit/tiers.h"
#include "runtime/block_cache.h"

namespace {

using namespace ferry;

constexpr usize kBlocks = 4096;
constexpr unsigned kLimit = 64;

std::vector<u32> read_words() {
  const char* const named = std::getenv("FERRY_BENCH_IMAGE");
  std::vector<u32> words;
  if (std::FILE* f = std::fopen(named != nullptr ? named : "build/guests/min/Image", "rb")) {
    // From 1 MiB on: past the header and the first table, inside the text.
    words.resize(1 << 20);
    if (std::fseek(f, 1 << 20, SEEK_SET) != 0) words.clear();
    words.resize(std::fread(words.data(), 4, words.size(), f));
    std::fclose(f);
  }
  if (words.size() >= 4 * kBlocks) return words;
  words.clear();
  // ldr x1, [x0], #8; add x2, x2, x1; subs x3, x3, #1; b.ne -12; ret
  for (usize i = 0; i < 4 * kBlocks; ++i)
    words.push_back(std::array<u32, 5>{0xf8408401, 0x8b010042, 0xf1000463, 0x54ffffa1, 0xd65f03c0}[i % 5]);
  return words;
}

const std::vector<u32>& words() {
  static const std::vector<u32> w = read_words();
  return w;
}

cpu::Mode linux_mode() {
  cpu::Mode mode;
  mode.set_el(1);
  mode.set_sp_sel(1);
  mode.set_mmu(1);
  mode.set_sp_align_check(1);
  mode.set_tbi(1);
  return mode;
}

// The i-th block of the text, one behind the other.
struct Blocks {
  std::vector<ir::Block> lifted, passed;
  u64 insns = 0;
  Blocks() {
    usize at = 0;
    while (lifted.size() < kBlocks && at + kLimit < words().size()) {
      const u32 offset = static_cast<u32>(at * 4 & 0xfff);
      ir::Block block;
      frontend::translate(block, {&words()[at], std::min<usize>(kLimit, (0x1000 - offset) / 4)}, offset, linux_mode(),
                          kLimit);
      at += block.insn_count;
      insns += block.insn_count;
      lifted.push_back(block);
      ir::optimize(block, jit::helper_effects, false);
      passed.push_back(std::move(block));
    }
  }
};
const Blocks& blocks() {
  static const Blocks b;
  return b;
}

void per_instruction(benchmark::State& state, u64 insns) {
  state.counters["insn"] =
      benchmark::Counter(static_cast<double>(insns), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The class tables, as for a word that is seen for the first time.
void BM_decode_new_word(benchmark::State& state) {
  u64 n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(frontend::decode_anew(words()[n++ % words().size()]));
  per_instruction(state, n);
}
BENCHMARK(BM_decode_new_word);

// The memo.
void BM_decode_known_word(benchmark::State& state) {
  u64 n = 0;
  benchmark::DoNotOptimize(blocks().insns);
  for (auto _ : state) benchmark::DoNotOptimize(frontend::decode(words()[n++ % 4096]));
  per_instruction(state, n);
}
BENCHMARK(BM_decode_known_word);

void BM_lift(benchmark::State& state) {
  u64 n = 0, at = 0;
  benchmark::DoNotOptimize(blocks().insns);
  ir::Block block;
  for (auto _ : state) {
    if (at + kLimit >= words().size() || at > 4 * kBlocks) at = 0;
    const u32 offset = static_cast<u32>(at * 4 & 0xfff);
    block.insts.clear();
    frontend::translate(block, {&words()[at], std::min<usize>(kLimit, (0x1000 - offset) / 4)}, offset, linux_mode(),
                        kLimit);
    n += block.insn_count;
    at += block.insn_count;
  }
  per_instruction(state, n);
}
BENCHMARK(BM_lift);

void BM_passes(benchmark::State& state) {
  u64 n = 0;
  usize i = 0;
  ir::Block block;
  for (auto _ : state) {
    block = blocks().lifted[i++ % blocks().lifted.size()];
    ir::optimize(block, jit::helper_effects, false);
    n += block.insn_count;
  }
  per_instruction(state, n);
}
BENCHMARK(BM_passes);

void compile_with(benchmark::State& state, Tier tier, usize count) {
  Settings settings;
  settings.tier = tier;
  if (!jit::tier_available(tier)) return state.SkipWithError("this build has no such tier");
  auto made = jit::make_compiler(settings);
  if (!made) return state.SkipWithError(made.error().message.c_str());
  jit::Tier& compiler = **made;
  u64 n = 0, bytes = 0;
  usize i = 0;
  for (auto _ : state) {
    const ir::Block& block = blocks().passed[i++ % std::min(count, blocks().passed.size())];
    auto code = compiler.compile(block, nullptr);
    if (!code) {
      compiler.reset();
      continue;
    }
    bytes += code->size;
    n += block.insn_count;
  }
  per_instruction(state, n);
  state.counters["host bytes/insn"] = n == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(n);
}
void BM_codegen_baseline(benchmark::State& state) { compile_with(state, Tier::Baseline, kBlocks); }
BENCHMARK(BM_codegen_baseline);
void BM_codegen_llvm(benchmark::State& state) { compile_with(state, Tier::Llvm, 64); }
BENCHMARK(BM_codegen_llvm);

// All of it, block by block through the text, with the memo warm: what a block costs before it runs.
void BM_translate_baseline(benchmark::State& state) {
  Settings settings;
  settings.tier = Tier::Baseline;
  if (!jit::tier_available(settings.tier)) return state.SkipWithError("this build has no such tier");
  auto made = jit::make_compiler(settings);
  if (!made) return state.SkipWithError(made.error().message.c_str());
  jit::Tier& compiler = **made;
  const usize end = std::min<usize>(words().size() - kLimit, 64 * kBlocks);
  u64 n = 0;
  usize at = 0;
  ir::Block block;
  for (usize i = 0; i < end; ++i) benchmark::DoNotOptimize(frontend::decode(words()[i]));
  for (auto _ : state) {
    if (at >= end) at = 0;
    const u32 offset = static_cast<u32>(at * 4 & 0xfff);
    frontend::translate(block, {&words()[at], std::min<usize>(kLimit, (0x1000 - offset) / 4)}, offset, linux_mode(),
                        kLimit);
    ir::optimize(block, jit::helper_effects, false);
    auto code = compiler.compile(block, nullptr);
    if (!code) {
      compiler.reset();
      continue;
    }
    n += block.insn_count;
    at += block.insn_count;
  }
  per_instruction(state, n);
}
BENCHMARK(BM_translate_baseline);

struct LoopCode {
  std::unique_ptr<jit::Tier> tier;
  const void* entry = nullptr;
};

// Host code of a block that loops to its own start, linked to itself.
Result<LoopCode> compile_loop(const Settings& settings, const ir::Block& block) {
  if (!jit::tier_available(settings.tier)) return Error{"this build has no such tier"};
  auto made = jit::make_compiler(settings);
  if (!made) return made.error();
  auto code = (*made)->compile(block, nullptr);
  if (!code) return code.error();
  for (jit::LinkSite* site : code->links)
    if (site->offset == 0) (*made)->link(*site, code->entry, 0);
  return Result<LoopCode>(LoopCode{std::move(*made), code->entry});
}

// A loop of four instructions without memory: what running costs in each tier, links included.
void run_with(benchmark::State& state, Tier tier) {
  // add x0, x0, x1; eor x2, x2, x0; subs x3, x3, #1; b.ne -12
  const u32 loop[] = {0x8b010000, 0xca000042, 0xf1000463, 0x54ffffa1};
  ir::Block block;
  frontend::translate(block, loop, 0, linux_mode(), 4);
  ir::optimize(block, jit::helper_effects, false);
  auto s = std::make_unique<cpu::CpuState>();
  std::vector<cpu::JumpEntry> jumps(cpu::kJumpEntries, cpu::JumpEntry{~u64{0}, 0, nullptr, 0});
  s->jump_cache = jumps.data();
  s->helpers = cpu::helper_table();
  s->mode = linux_mode();
  constexpr u64 kTurns = 100'000;
  u64 n = 0;
  if (tier == Tier::Interp) {
    jit::Interpreter interpreter;
    for (auto _ : state) {
      s->x[3] = kTurns;
      do interpreter.run(*s, block);
      while (s->x[3] != 0);
      n += 4 * kTurns;
    }
    return per_instruction(state, n);
  }
  Settings settings;
  settings.tier = tier;
  auto loop_code = compile_loop(settings, block);
  if (!loop_code) return state.SkipWithError(loop_code.error().message.c_str());
  for (auto _ : state) {
    s->x[3] = kTurns;
    s->budget = 1;
    s->pc_page = 0;
    loop_code->tier->enter(*s, loop_code->entry);
    n += 4 * kTurns;
  }
  per_instruction(state, n);
}
// A load that finds its page in the read table, linked to itself: ldr x1, [x0]; subs x3, x3, #1; b.ne -8.
void BM_tlb_hit(benchmark::State& state) {
  const u32 loop[] = {0xf9400001, 0xf1000463, 0x54ffffc1};
  ir::Block block;
  frontend::translate(block, loop, 0, linux_mode(), 3);
  ir::optimize(block, jit::helper_effects, false);
  Settings settings;
  settings.tier = Tier::Baseline;
  auto loop_code = compile_loop(settings, block);
  if (!loop_code) return state.SkipWithError(loop_code.error().message.c_str());
  auto s = std::make_unique<cpu::CpuState>();
  alignas(4096) static std::array<u8, 4096> page{};
  std::vector<cpu::TlbEntry> table(2 * cpu::kTlbEntries, {cpu::kTlbInvalid, 0});
  constexpr u64 kVa = 0x4000;
  table[(kVa >> 12) & (cpu::kTlbEntries - 1)] = {kVa, reinterpret_cast<u64>(page.data()) - kVa};
  s->tlb_read = table.data();
  s->tlb_write = s->tlb_read + cpu::kTlbEntries;
  s->helpers = cpu::helper_table();
  s->mode = linux_mode();
  constexpr u64 kTurns = 100'000;
  u64 n = 0;
  for (auto _ : state) {
    s->x[0] = kVa;
    s->x[3] = kTurns;
    s->budget = 1;
    s->pc_page = 0;
    loop_code->tier->enter(*s, loop_code->entry);
    n += kTurns;
  }
  state.counters["load"] =
      benchmark::Counter(static_cast<double>(n), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_tlb_hit);

// --- The block cache ---

// Links as a tier would make them, without code.
struct NoTier final : jit::Tier {
  Result<jit::CompiledCode> compile(const ir::Block&, void*) override { return Error{"unused"}; }
  void link(jit::LinkSite& site, const void*, u64) override { site.linked = true; }
  void unlink(jit::LinkSite& site) override { site.linked = false; }
  void release(jit::CompiledCode&) override {}
  void reset() override {}
  u32 enter(cpu::CpuState&, const void*) override { return 0; }
  usize used() const override { return 0; }
  usize capacity() const override { return 0; }
  const void* code_begin() const override { return nullptr; }
};

// `count` blocks of five instructions, one behind the other, each with a link to the first.
struct LinkedBlocks {
  LinkedBlocks(usize count) : sites(count) {
    for (usize i = 0; i < count; ++i) add(i);
  }
  void add(usize i) {
    auto block = std::make_unique<runtime::TranslatedBlock>();
    block->pa = 0x40000000 + 20 * i;
    block->source.resize(5);
    block->tier = &tier;
    block->code.entry = &tier;
    sites[i] = {};
    sites[i].tier = &tier;
    block->code.links.push_back(&sites[i]);
    cache.insert(std::move(block));
    cache.link(sites[i], *cache.find(0x40000000, {}), 0, quiescent);
  }
  NoTier tier;
  std::vector<jit::LinkSite> sites;
  runtime::BlockCache cache;
  runtime::BlockCache::Quiescent quiescent = [](u64) { return true; };
};

void BM_find_block(benchmark::State& state) {
  LinkedBlocks b(static_cast<usize>(state.range(0)));
  u64 i = 0;
  for (auto _ : state) {
    i = (i + 7919) % b.sites.size();
    benchmark::DoNotOptimize(b.cache.find(0x40000000 + 20 * i, {}));
  }
}
BENCHMARK(BM_find_block)->Arg(1000)->Arg(60000);

// One of many links to a block, made and undone.
void BM_link(benchmark::State& state) {
  LinkedBlocks b(static_cast<usize>(state.range(0)));
  runtime::TranslatedBlock &first = *b.cache.find(0x40000000, {}), &second = *b.cache.find(0x40000014, {});
  u64 n = 0;
  for (auto _ : state) b.cache.link(b.sites[5], n++ % 2 == 0 ? second : first, 0, b.quiescent);
}
BENCHMARK(BM_link)->Arg(100)->Arg(60000);

// A block that has changed: out of the cache with its links, and another in its place.
void BM_replace_block(benchmark::State& state) {
  LinkedBlocks b(static_cast<usize>(state.range(0)));
  const usize i = b.sites.size() / 2;
  for (auto _ : state) {
    b.cache.discard(*b.cache.find(0x40000000 + 20 * i, {}));
    b.cache.advance();
    b.cache.reclaim(b.quiescent);
    b.add(i);
  }
}
BENCHMARK(BM_replace_block)->Arg(100)->Arg(60000);

// A write to a page with code: every link into its blocks is undone.
void BM_isolate_page(benchmark::State& state) {
  LinkedBlocks b(1000);
  for (auto _ : state) {
    b.cache.isolate(*b.cache.page(0x40000000));
    state.PauseTiming();
    for (jit::LinkSite& site : b.sites) b.cache.link(site, *b.cache.find(0x40000000, {}), 0, b.quiescent);
    b.cache.advance();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_isolate_page);

void BM_run_interpreter(benchmark::State& state) { run_with(state, Tier::Interp); }
BENCHMARK(BM_run_interpreter);
void BM_run_baseline(benchmark::State& state) { run_with(state, Tier::Baseline); }
BENCHMARK(BM_run_baseline);
void BM_run_llvm(benchmark::State& state) { run_with(state, Tier::Llvm); }
BENCHMARK(BM_run_llvm);

}  // namespace
