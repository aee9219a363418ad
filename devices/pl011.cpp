#include "devices/pl011.h"

#include <algorithm>

#include "core/log.h"

namespace ferry::devices {
namespace {

// UARTFR, and the modem inputs as last_modem_ keeps them.
constexpr u64 kCts = 1 << 0, kDsr = 1 << 1, kDcd = 1 << 2, kBusy = 1 << 3, kRxfe = 1 << 4, kTxff = 1 << 5,
              kRxff = 1 << 6, kTxfe = 1 << 7, kRi = 1 << 8;
// UARTDR above the data.
constexpr u16 kBe = 1 << 10, kOe = 1 << 11;
// UARTLCR_H, UARTCR
constexpr u64 kBrk = 1 << 0, kFen = 1 << 4;
constexpr u64 kUarten = 1 << 0, kLbe = 1 << 7, kTxe = 1 << 8, kRxe = 1 << 9, kDtr = 1 << 10, kRts = 1 << 11,
              kOut1 = 1 << 12, kOut2 = 1 << 13;
// UARTRIS and its companions
constexpr u64 kIntRi = 1 << 0, kIntCts = 1 << 1, kIntDcd = 1 << 2, kIntDsr = 1 << 3, kIntRx = 1 << 4, kIntTx = 1 << 5,
              kIntRt = 1 << 6, kIntErrors = 0xf << 7;
constexpr unsigned kIntErrorShift = 7;  // FE, PE, BE, OE in the order of UARTDR's bits 8 to 11

constexpr u64 kDefaultClockHz = 24'000'000;

}  // namespace

Pl011::Character Pl011::Fifo::pop() {
  const Character c = slots[first];
  first = (first + 1) % kDepth;
  --size;
  return c;
}

void Pl011::Fifo::visit(Archive& archive, std::string_view name) {
  archive.section(name, [&] {
    archive.field("slots", slots);
    archive.field("first", first);
    archive.field("size", size);
  });
  if (first < kDepth && size <= kDepth) return;
  archive.fail("pl011: a FIFO's saved position is out of range");
  clear();
}

Pl011::Pl011(const DeviceContext& context)
    : Device(context.name),
      clock_(context.clock),
      backend_(context.chardev),
      uartclk_hz_(!context.clocks_hz.empty() && context.clocks_hz[0] != 0 ? context.clocks_hz[0] : kDefaultClockHz),
      lines_{context.irq(0), context.irq(1), context.irq(2), context.irq(3), context.irq(4), context.irq(5)},
      output_([this] { pump_output(); }),
      input_([this] { pump_input(); }),
      timeout_(context.events, [this] { timed_out(); }) {
  add_region(bank_);
  UARTDR.on_read([this](unsigned) { return read_data(); }).on_write([this](const Register::Write& w) {
    if (w.lanes & 0xff) write_data(w.written & 0xff);
  });
  UARTRSR.on_write([this](const Register::Write&) { UARTRSR.set(0); });
  UARTFR.on_read([this](unsigned) { return flags(); });
  UARTLCR_H.on_write([this](const Register::Write& w) { line_control_written(w); });
  UARTMIS.on_read([this](unsigned) { return UARTRIS.get() & UARTIMSC.get(); });
  UARTICR.on_write([this](const Register::Write& w) {
    UARTRIS.assign(w.written, false);
    // Data that stays in the FIFO times out anew: a driver that only clears the interrupt must not lose it.
    if ((w.written & kIntRt) != 0 && rx_.size != 0) timeout_.arm(clock_.now() + timeout_ns());
  });
  if (backend_ != nullptr) {
    backend_->set_listener(
        [this] {
          input_waits_ = true;
          input_.request();
        },
        [this] { output_.request(); });
  }
  reset();
}

Pl011::~Pl011() {
  if (backend_ != nullptr) backend_->set_listener({}, {});
}

void Pl011::on_reset() {
  rx_.clear();
  tx_.clear();
  overrun_ = false;
  timeout_.disarm();
  last_modem_ = modem_status();
}

void Pl011::visit_state(Archive& archive) {
  rx_.visit(archive, "rx");
  tx_.visit(archive, "tx");
  archive.field("last_modem", last_modem_);
  archive.field("overrun", overrun_);
  timeout_.visit(archive, "timeout");
}

unsigned Pl011::depth() const { return UARTLCR_H.test(kFen) ? Fifo::kDepth : 1; }

// 3.3.11 UARTIFLS: eighths of the FIFO; the reserved encodings behave as the deepest.
static unsigned fifo_level(u64 select) {
  constexpr unsigned kLevels[] = {2, 4, 8, 12, 14};
  return kLevels[std::min<u64>(select, 4)];
}

unsigned Pl011::rx_trigger() const { return UARTLCR_H.test(kFen) ? fifo_level(bits(UARTIFLS.get(), 5, 3)) : 1; }
unsigned Pl011::tx_trigger() const { return UARTLCR_H.test(kFen) ? fifo_level(bits(UARTIFLS.get(), 2, 0)) : 0; }

// 32 bit periods (2.8.1 UARTRTINTR); 115200 baud while the divisor is not programmed.
u64 Pl011::timeout_ns() const {
  const u64 divisor64 = UARTIBRD.get() * 64 + UARTFBRD.get();
  constexpr u64 kDefault = 32 * kNanosecondsPerSecond / 115200;
  if (divisor64 < 64) return kDefault;
  const u64 baud = std::max<u64>(uartclk_hz_ * 4 / divisor64, 1);  // clock / (16 * divisor)
  return std::clamp<u64>(32 * kNanosecondsPerSecond / baud, 1'000, 50'000'000);
}

u64 Pl011::modem_status() const {
  // IMPDEF: chose: the other side of the cable is always there and ready.
  if (!UARTCR.test(kLbe)) return kCts | kDsr | kDcd;
  return (UARTCR.test(kRts) ? kCts : 0) | (UARTCR.test(kDtr) ? kDsr : 0) | (UARTCR.test(kOut1) ? kDcd : 0) |
         (UARTCR.test(kOut2) ? kRi : 0);
}

u64 Pl011::flags() const {
  return modem_status() | (tx_.size != 0 ? kBusy : kTxfe) | (tx_.size >= depth() ? kTxff : 0) |
         (rx_.size == 0 ? kRxfe : 0) | (rx_.size >= depth() ? kRxff : 0);
}

u64 Pl011::read_data() {
  if (rx_.size == 0) return 0;
  const Character c = rx_.pop();
  UARTRSR.set(bits(c, 11, 8));
  if (rx_.size < rx_trigger()) UARTRIS.assign(kIntRx, false);
  if (rx_.size == 0) {
    UARTRIS.assign(kIntRt, false);
    timeout_.disarm();
  }
  return c;
}

void Pl011::receive(Character character) {
  if (rx_.size >= depth()) {
    overrun_ = true;
    UARTRIS.assign(u64{kOe} >> 8 << kIntErrorShift, true);
    return;
  }
  rx_.push(static_cast<Character>(character | (overrun_ ? kOe : 0)));
  overrun_ = false;
  UARTRIS.assign(bits(character, 11, 8) << kIntErrorShift, true);
  if (rx_.size >= rx_trigger()) UARTRIS.assign(kIntRx, true);
  timeout_.arm(clock_.now() + timeout_ns());
}

void Pl011::timed_out() {
  locked([&] {
    if (rx_.size != 0 && timeout_.deadline() == kNever) UARTRIS.assign(kIntRt, true);
  });
}

void Pl011::write_data(u64 value) {
  // DEVIATION: a disabled UART transmits too. Kernels' early consoles rely on firmware that enabled it, and a directly
  // booted kernel has none.
  if (!UARTCR.test(kUarten) || !UARTCR.test(kTxe)) guest_error("{}: data written while the UART is disabled", name());
  if (UARTCR.test(kLbe)) {
    receive(static_cast<Character>(value));
    UARTRIS.assign(kIntTx, true);
    return;
  }
  if (tx_.size >= depth()) {
    guest_error("{}: data written to a full transmit FIFO is lost", name());
    return;
  }
  tx_.push(static_cast<Character>(value));
  if (tx_.size > tx_trigger()) UARTRIS.assign(kIntTx, false);
}

void Pl011::transmitted() {
  if (tx_.size <= tx_trigger()) UARTRIS.assign(kIntTx, true);
}

void Pl011::line_control_written(const Register::Write& write) {
  // What is in the FIFOs stays there when FEN changes, so that no input is lost.
  const bool break_begins = (write.now & ~write.before & kBrk) != 0;
  if (break_begins && UARTCR.test(kLbe)) receive(kBe);
}

void Pl011::modem_interrupts() {
  const u64 now = modem_status();
  const u64 changed = now ^ last_modem_;
  last_modem_ = now;
  UARTRIS.assign((changed & kRi ? kIntRi : 0) | (changed & kCts ? kIntCts : 0) | (changed & kDcd ? kIntDcd : 0) |
                     (changed & kDsr ? kIntDsr : 0),
                 true);
}

void Pl011::after_access() {
  modem_interrupts();
  const u64 masked = UARTRIS.get() & UARTIMSC.get();
  // UARTINTR, then the single ones in the order UARTRXINTR, UARTTXINTR, UARTRTINTR, UARTMSINTR, UARTEINTR.
  constexpr u64 kMasks[] = {~u64{0}, kIntRx, kIntTx, kIntRt, kIntRi | kIntCts | kIntDcd | kIntDsr, kIntErrors};
  for (usize i = 0; i < lines_.size(); ++i) lines_[i].set((masked & kMasks[i]) != 0);
  output_waits_ = tx_.size != 0;
  input_wanted_ = input_room() != 0;
}

void Pl011::after_unlock() {
  if (output_waits_) output_.request();
  if (input_wanted_ && input_waits_) input_.request();
}

// How many characters may be taken from the back end. None while the receiver is off: they wait there until a driver is
// ready.
unsigned Pl011::input_room() const {
  const bool on = UARTCR.test(kUarten) && UARTCR.test(kRxe) && !UARTCR.test(kLbe);
  return on && rx_.size < depth() ? depth() - rx_.size : 0;
}

void Pl011::pump_output() {
  for (;;) {
    std::array<u8, Fifo::kDepth> bytes{};
    usize count = 0;
    {
      const std::lock_guard lock(mutex());
      for (; count < tx_.size; ++count) bytes[count] = static_cast<u8>(tx_.slots[(tx_.first + count) % Fifo::kDepth]);
    }
    if (count == 0) return;
    const usize taken = backend_ != nullptr ? std::min(backend_->write({bytes.data(), count}), count) : count;
    if (taken == 0) return;  // full: the back end's writable callback asks again
    const std::lock_guard lock(mutex());
    for (usize i = 0; i < taken && tx_.size != 0; ++i) tx_.pop();
    transmitted();
    after_access();
  }
}

void Pl011::pump_input() {
  for (;;) {
    std::array<u8, Fifo::kDepth> bytes{};
    usize room = 0;
    {
      const std::lock_guard lock(mutex());
      room = input_room();
    }
    if (room == 0 || backend_ == nullptr) return;
    input_waits_ = false;  // before the look, so that what arrives after it is not missed
    const usize count = std::min(backend_->read({bytes.data(), room}), room);
    if (count == 0) return;
    if (count == room) input_waits_ = true;
    const std::lock_guard lock(mutex());
    for (usize i = 0; i < count; ++i) receive(bytes[i]);
    after_access();
  }
}

}  // namespace ferry::devices
