#include "devices/pl061.h"

namespace ferry::devices {

Pl061::Pl061(const DeviceContext& context) : Device(context.name), line_(context.irq(0)) {
  add_region(bank_);
  GPIODATA_masked.on_read([this](unsigned i) { return pins() & (i + 1); });
  GPIODATA_masked.on_write([this](const Register::Write& w) {
    const u64 mask = (w.index + 1) & GPIODIR.get() & w.lanes;
    output_ = static_cast<u8>((output_ & ~mask) | (w.written & mask));
    GPIODATA_masked.set(0, w.index);  // the value lives in output_
  });
  GPIORIS.on_read([this](unsigned) { return raw_status(); });
  GPIOMIS.on_read([this](unsigned) { return raw_status() & GPIOIE.get(); });
  GPIOIC.on_write([this](const Register::Write& w) { GPIORIS.assign(w.written, false); });
  reset();
}

IrqLine Pl061::input(unsigned pin) {
  if (pin > 7) return {};
  return IrqLine(
      [](void* device, u32 number, bool level) {
        auto& self = *static_cast<Pl061*>(device);
        self.locked([&] {
          self.inputs_ = static_cast<u8>(level ? self.inputs_ | 1u << number : self.inputs_ & ~(1u << number));
        });
      },
      this, pin);
}

void Pl061::on_reset() {
  output_ = 0;
  last_pins_ = static_cast<u8>(pins());
}

void Pl061::visit_state(Archive& archive) {
  archive.field("inputs", inputs_);
  archive.field("output", output_);
  archive.field("last_pins", last_pins_);
}

u64 Pl061::pins() const { return (output_ & GPIODIR.get()) | (inputs_ & ~GPIODIR.get() & 0xff); }

// Edges are kept in GPIORIS; levels (GPIOIS) are looked at.
u64 Pl061::raw_status() const {
  const u64 level = ~(pins() ^ GPIOIEV.get()) & GPIOIS.get() & ~GPIODIR.get() & 0xff;
  return (GPIORIS.get() & ~GPIOIS.get()) | level;
}

void Pl061::look_for_edges() {
  const u64 now = pins();
  const u64 changed = (now ^ last_pins_) & ~GPIODIR.get() & ~GPIOIS.get();
  last_pins_ = static_cast<u8>(now);
  const u64 wanted = GPIOIBE.get() | ~(now ^ GPIOIEV.get());
  GPIORIS.assign(changed & wanted & 0xff, true);
}

void Pl061::after_access() {
  look_for_edges();
  line_.set((raw_status() & GPIOIE.get()) != 0);
}

}  // namespace ferry::devices
