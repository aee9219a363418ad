#include "devices/pl031.h"

namespace ferry::devices {

Pl031::Pl031(const DeviceContext& context)
    : Device(context.name),
      clock_(context.clock),
      line_(context.irq(0)),
      alarm_(context.events, [this] { locked([&] { look(); }); }) {
  add_region(bank_);
  RTCDR.on_read([this](unsigned) { return count(); });
  RTCMR.on_write([this](const Register::Write&) { count_changed(); });
  RTCLR.on_write([this](const Register::Write& w) {
    offset_ += static_cast<u32>(w.now) - count();
    count_changed();
  });
  RTCRIS.on_read([this](unsigned) {
    look();
    return RTCRIS.get();
  });
  RTCMIS.on_read([this](unsigned) {
    look();
    return RTCRIS.get() & RTCIMSC.get();
  });
  RTCICR.on_write([this](const Register::Write& w) {
    look();
    RTCRIS.assign(w.written, false);
  });
  reset();
}

void Pl031::on_reset() {
  offset_ = 0;
  last_seen_ = count();
  alarm_.disarm();
}

void Pl031::visit_state(Archive& archive) {
  archive.field("offset", offset_);
  archive.field("last_seen", last_seen_);
}

u32 Pl031::count() const { return static_cast<u32>(clock_.wall() / kNanosecondsPerSecond) + offset_; }

// Has the counter met RTCMR since the last look? (Differences are modulo 2^32, as the counter is; a wall clock that was
// set back is no passing of time.)
void Pl031::look() {
  const u32 now = count();
  const u32 passed = now - last_seen_;
  const u32 to_match = static_cast<u32>(RTCMR.get()) - last_seen_;
  if (static_cast<i32>(passed) > 0 && to_match != 0 && to_match <= passed) RTCRIS.set(1);
  last_seen_ = now;
}

// RTCLR or RTCMR was written: a counter that already equals the match register has matched.
void Pl031::count_changed() {
  last_seen_ = count();
  if (last_seen_ == RTCMR.get()) RTCRIS.set(1);
}

void Pl031::after_access() {
  look();
  line_.set((RTCRIS.get() & RTCIMSC.get()) != 0);
  // A masked match is noticed when somebody looks; only an interrupt needs a moment of its own.
  if (!RTCIMSC.test(1) || RTCRIS.test(1)) return alarm_.disarm();
  const u32 seconds = static_cast<u32>(RTCMR.get()) - last_seen_;
  const u64 wait =
      (seconds == 0 ? u64{1} << 32 : seconds) * kNanosecondsPerSecond - clock_.wall() % kNanosecondsPerSecond;
  alarm_.arm(clock_.now() + wait);
}

}  // namespace ferry::devices
