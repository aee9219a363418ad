#include <algorithm>

#include "verify/program_writer.h"

namespace ferry::verify {

ProgramGenerator::ProgramGenerator(Class of_class, u64 seed, const cpu::Model& model)
    : class_(of_class), seed_(seed), generator_(Class::Mixed, seed, model) {}

// Where pages lie in RAM, and what may be done to them.
void ProgramGenerator::place(Program& p) {
  Random& r = generator_.random();
  std::array<u8, kProgramFrames> frames{};
  for (usize i = 0; i < frames.size(); ++i) frames[i] = static_cast<u8>(i);
  for (usize i = frames.size() - 1; i > 0; --i) std::swap(frames[i], frames[r.below(i + 1)]);
  usize next = 0;
  for (u8& f : p.code_frames) f = frames[next++];
  p.twin_frame = frames[next++];
  for (u8& f : p.data_frames) f = r.chance(6) && next > kProgramCodePages + 1 ? frames[next - 1] : frames[next++];
  const u64 plain = kValid | kAccessed | kInner | (p.el0 ? kEl0 : 0) | u64{1} << 54 | u64{1} << 53;
  p.data_attributes.fill(plain);
  if (!r.chance(30)) return;
  for (u64& a : p.data_attributes) {
    if (!r.chance(8)) continue;
    a = r.chance(50) ? 0 : plain | kReadOnly;
  }
}

void ProgramGenerator::states(Program& p, usize count) {
  Random& r = generator_.random();
  Sequence nothing;
  if (r.chance(25)) nothing.fpcr = static_cast<u32>(r.below(8)) << 22;
  const u64 middle = kProgramDataVa + kProgramDataPages / 2 * 4096;
  const u64 tag = r.chance(20) ? r.next() << 56 : 0;  // TBI
  for (usize i = 0; i < count; ++i) {
    OracleCase c;
    generator_.state(nothing, c);
    State s = c.state;
    for (unsigned n = Roles::kBases; n < Roles::kBases + Roles::kBaseCount; ++n)
      s.x[n] = (middle + 4096 * (r.below(9) - 4) + r.below(256) - 128) | tag;
    s.x[31] = (middle + 16 * (r.below(1024) - 512)) | tag;
    s.x[Roles::kAligned] = (middle + 16 * (r.below(1024) - 512)) | tag;
    s.x[kHome] = middle | tag;
    s.x[kEntries] = 0;  // the machine's
    s.x[kDeepCounter] = s.x[kCounter] = s.x[kCounter + 1] = 0;
    s.x[kLink] = kProgramVa + 4;
    s.pc = kProgramVa + 4 * p.entry;
    p.states.push_back(s);
  }
}

Program ProgramGenerator::program(u64 number, usize count) {
  generator_.restart(number * 16 + static_cast<u64>(class_));
  Random& r = generator_.random();
  Program p;
  p.words.assign(kProgramWords, 0);
  p.is_code.assign(kProgramWords, false);
  p.el0 = r.chance(50);
  p.window = p.el0 && r.chance(40);
  p.virtual_time = r.chance(30);
  static constexpr u64 kThresholds[] = {2, 3, 5, 10};
  p.threshold = kThresholds[r.below(4)];
  p.data_seed = r.next();
  // Words before the code that literals name.
  for (u32& w : p.words) w = static_cast<u32>(r.next()) & 0xffff;  // UDF
  place(p);
  Writer writer(p, class_, generator_);
  static constexpr usize kPlaces[] = {2112, 3048, 3500};  // one goes over a page's edge
  for (const usize place : kPlaces) {
    writer.go_to(place + r.below(24), place + 250);
    writer.function(kDeepCounter);
  }
  p.entry = static_cast<unsigned>(r.chance(70) ? 1024 - r.below(80) : 100 + r.below(16));
  writer.go_to(p.entry, p.entry + 500);
  writer.main();
  states(p, count);
  return p;
}

}  // namespace ferry::verify
