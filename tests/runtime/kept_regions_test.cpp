// Regions of an earlier run: taken over when the guest has all of their blocks, never otherwise, and what becomes of
// damage.
#include "tests/runtime/kept_run.h"

using namespace ferry;
using namespace ferry::runtime;
using namespace ferry::runtime::testing;

TEST_CASE("kept regions: the second run takes what the first compiled, and it runs the same") {
  if (!regions_are_kept()) return;
  const Folder folder;
  {
    Run first(folder);
    first.code.put(0x40, kLoop);
    first.heat(0x40);
    CHECK(first.stats.blocks_llvm == 1);
    CHECK(first.stats.regions_kept == 0);
    CHECK(count(first, 0x40) == 1000);
  }
  const bool verify = GENERATE(false, true);
  Run second(folder, [=](Settings& s) {
    s.cache_verify = verify;
    s.llvm_threshold = 2000;
  });
  second.code.put(0x1040, kLoop);                         // another page
  CHECK(*second.find(0x1040).block->code.counter < 100);  // it asks soon
  CHECK(second.translator->executions().blocks == 0);     // which does not count as executions
  second.heat(0x1040);
  CHECK(second.translator->executions().blocks == 0);
  CHECK(second.stats.regions_kept == 1);
  CHECK(second.stats.regions_kept_bytes != 0);
  CHECK(second.stats.blocks_llvm == 0);
  CHECK(count(second, 0x1040) == 1000);
  // It goes like any other when the code under it changes.
  second.code.put(0x1044, {0xeb02001f});  // cmp x0, x2
  second.translator->code_written(kPa + 0x1000);
  second.translator->isolate_written();
  CHECK(second.find(0x1040).block->promoted == nullptr);
  second.translator->flush();
  CHECK(second.translator->block_count() == 0);
  CHECK(second.words.empty());
}

TEST_CASE("kept regions: none is taken when the guest has something else") {
  if (!regions_are_kept()) return;
  const Folder folder;
  {
    Run first(folder);
    first.code.put(0xff8, kLoop);  // its branch is the first of the second page
    first.find(0xff8);
    first.find(0x1000);
    first.link(0xff8, 0x1000);
    first.link(0x1000, 0xff8);
    first.translator->hot(first.at(0x1000), first.stats);  // warm
    first.heat(0xff8);
    REQUIRE(first.find(0xff8).block->promoted->covered.size() == 1);
  }
  enum { Same, OtherWord, NotLinked, NoPages, Small };
  const int what = GENERATE(int{Same}, int{OtherWord}, int{NotLinked}, int{NoPages}, int{Small});
  Run second(folder, [=](Settings& s) {
    if (what == NoPages) s.chain_cross_page = false;
    if (what == Small) s.llvm_region_insns = 2;
  });
  second.code.put(0xff8, kLoop);
  if (what == OtherWord) second.code.put(0x1000, {0x54ffffa1});  // b.ne -12
  second.find(0xff8);
  second.find(0x1000);
  if (what != NotLinked && what != NoPages) second.link(0xff8, 0x1000);
  second.heat(0xff8);
  CHECK(second.stats.regions_kept == (what == Same ? 1 : 0));
  CHECK(second.words.empty());
  if (what != Same) return;
  CHECK(second.find(0xff8).block->promoted->covered.size() == 1);
  CHECK(count(second, 0xff8) == 1000);
  second.code.put(0x1000, {0x54ffffa1});
  second.translator->code_written(kPa + 0x1000);
  second.translator->isolate_written();
  CHECK(second.find(0xff8).block->promoted == nullptr);
}

TEST_CASE("kept regions: one whose code changed while it was compiled is there for the next run") {
  if (!regions_are_kept()) return;
  const Folder folder;
  {
    Run first(folder);
    first.code.put(0x40, kLoop);
    first.find(0x40);
    for (unsigned i = 0; i < 60'000 && first.find(0x40).block->requested_ns == 0; ++i)
      first.translator->hot(first.at(0x40), first.stats);
    first.translator->wait_for_regions();
    first.code.put(0x44, {0xeb02001f});  // cmp x0, x2
    first.translator->code_written(kPa);
    first.translator->isolate_written();
    first.translator->publish(first.stats);
    CHECK(first.stats.regions_dropped == 1);
    CHECK(first.stats.blocks_llvm == 0);
  }
  Run second(folder);
  second.code.put(0x40, kLoop);
  second.heat(0x40);
  CHECK(second.stats.regions_kept == 1);
  CHECK(count(second, 0x40) == 1000);
}

TEST_CASE("kept regions: the limits of regions and of heap hold for them, too") {
  if (!regions_are_kept()) return;
  const Folder folder;
  const auto begin = [](Run& run) {
    run.code.put(0x40, kLoop);
    run.code.put(0x100, {0xd1000400, 0xeb01001f, 0x54ffffc1, 0xd65f03c0});  // sub x0, x0, #1 ...
  };
  {
    Run first(folder);
    begin(first);
    first.heat(0x40);
    first.heat(0x100);
    CHECK(first.stats.blocks_llvm == 2);
  }
  // Both are full with the first, whatever the second would be: taken or compiled.
  const bool heap = GENERATE(false, true);
  Run second(folder, [=](Settings& s) {
    if (heap)
      s.llvm_heap = 1;
    else
      s.llvm_regions = 1;
  });
  begin(second);
  second.heat(0x40);
  second.find(0x100);
  for (unsigned i = 0; i < 200; ++i) second.translator->hot(second.at(0x100), second.stats);
  CHECK(second.find(0x100).block->requested_ns != 0);
  second.translator->wait_for_regions();
  second.translator->publish(second.stats);
  CHECK(second.find(0x100).block->promoted == nullptr);
  CHECK(second.stats.regions_kept == 1);
  CHECK(second.stats.blocks_llvm == 0);
}

TEST_CASE("kept regions: a damaged one is discarded with a word, and compiled again") {
  if (!regions_are_kept()) return;
  const Folder folder;
  {
    Run first(folder);
    first.code.put(0x40, kLoop);
    first.heat(0x40);
  }
  const std::string file = code_file(folder), whole = folder.path + "/whole";
  fs::copy_file(file, whole);
  const u64 size = fs::file_size(file);
  u64 refused = 0;
  for (u64 at = size - 8; at > 64; at -= std::min<u64>(at - 64, 331)) {
    fs::copy_file(whole, file, fs::copy_options::overwrite_existing);
    {
      std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
      f.seekg(static_cast<std::streamoff>(at));
      const char c = static_cast<char>(f.get() ^ 0x10);
      f.seekp(static_cast<std::streamoff>(at));
      f.put(c);
    }
    Run second(folder);
    second.code.put(0x40, kLoop);
    second.heat(0x40);
    CHECK(second.stats.regions_kept + second.stats.blocks_llvm == 1);
    CHECK(count(second, 0x40) == 1000);
    if (second.stats.regions_kept != 0) continue;  // another record's byte, or one between them
    ++refused;
    CHECK(second.words.size() <= 1);
  }
  CHECK(refused > 0);
}
