#include "devices/register_bank.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "core/log.h"

namespace ferry::devices {
namespace {

// Bytes from the first element's start to the last one's end.
u64 extent(const RegisterSpec& spec) { return u64{spec.count - 1} * spec.stride + spec.size; }

u64 field_mask(const Field& field) { return low_mask(field.width) << field.lsb; }

}  // namespace

std::vector<Field> whole(Access access) { return {{"", 0, 64, access}}; }

Register::Register(RegisterBank& bank, RegisterSpec spec) : spec_(std::move(spec)) {
  if (spec_.stride == 0) spec_.stride = spec_.size;
  ASSERT(spec_.size == 1 || spec_.size == 2 || spec_.size == 4 || spec_.size == 8, "a register has 1, 2, 4 or 8 bytes");
  ASSERT(spec_.count >= 1 && spec_.stride >= spec_.size, "an array of registers has elements that do not overlap");
  ASSERT(spec_.offset % spec_.size == 0 && spec_.stride % spec_.size == 0, "a register is aligned to its size");
  const u64 all = low_mask(8 * spec_.size);
  for (Field& field : spec_.fields) {
    if (field.lsb == 0 && field.width == 64) field.width = static_cast<u8>(8 * spec_.size);
    ASSERT(field.width > 0 && field.lsb + field.width <= 8 * spec_.size, "a field lies inside its register");
    const u64 mask = field_mask(field);
    ASSERT((named_ & mask) == 0, "fields do not overlap");
    named_ |= mask;
    switch (field.access) {
      case Access::kRw: rw_ |= mask; break;
      case Access::kRo: break;
      case Access::kWo: wo_ |= mask; break;
      case Access::kW1c: w1c_ |= mask; break;
      case Access::kW1s: w1s_ |= mask; break;
      case Access::kRc: rc_ |= mask; break;
      case Access::kReserved: break;
      case Access::kUnimplemented: unimplemented_ |= mask; break;
    }
    const bool shows =
        field.access != Access::kWo && field.access != Access::kReserved && field.access != Access::kUnimplemented;
    if (shows) readable_ |= mask;
  }
  ASSERT((spec_.reset & ~all) == 0, "a reset value fits its register");
  values_.assign(spec_.count, spec_.reset);
  bank.add(*this);
}

Register& Register::on_read(std::function<u64(unsigned)> hook) {
  read_hook_ = std::move(hook);
  return *this;
}

Register& Register::on_write(std::function<void(const Write&)> hook) {
  write_hook_ = std::move(hook);
  return *this;
}

std::string Register::element_name(unsigned index) const {
  return spec_.count == 1 ? std::string(spec_.name) : fmt::format("{}{}", spec_.name, spec_.first + index);
}

u64 Register::guest_read(unsigned index, u64 lanes) {
  const u64 value = (read_hook_ ? read_hook_(index) : values_[index]) & readable_;
  values_[index] &= ~(rc_ & lanes);
  return value;
}

void Register::guest_write(unsigned index, u64 lanes, u64 value, const std::string& owner) {
  const u64 before = values_[index];
  u64 now = (before & ~(rw_ & lanes)) | (value & rw_ & lanes);
  now &= ~(value & w1c_ & lanes);
  now |= value & w1s_ & lanes;
  values_[index] = now;
  if (log_enabled(LogCategory::kUnimp) && ((now ^ before) | (value & lanes)) & unimplemented_) {
    unimplemented("{}: write of {:#x} to {} sets bits {:#x} that are not modelled", owner, value, element_name(index),
                  value & unimplemented_);
  }
  if (log_enabled(LogCategory::kGuestErrors)) {
    if (read_only()) {
      guest_error("{}: write of {:#x} to read-only {}", owner, value, element_name(index));
    } else if ((value & lanes & ~named_) != 0) {
      guest_error("{}: write of {:#x} to {} sets reserved bits {:#x}", owner, value, element_name(index),
                  value & lanes & ~named_);
    }
  }
  if (write_hook_) write_hook_({index, value & lanes, lanes, before, now});
}

void RegisterBank::add(Register& added) {
  const auto place = std::upper_bound(registers_.begin(), registers_.end(), &added,
                                      [](Register* a, Register* b) { return a->spec().offset < b->spec().offset; });
  const auto position = registers_.insert(place, &added);
  const u64 end = added.spec().offset + extent(added.spec());
  ASSERT(std::next(position) == registers_.end() || end <= (*std::next(position))->spec().offset,
         "registers of a bank do not overlap");
  ASSERT(position == registers_.begin() ||
             (*std::prev(position))->spec().offset + extent((*std::prev(position))->spec()) <= added.spec().offset,
         "registers of a bank do not overlap");
}

Register* RegisterBank::find(u64 offset, unsigned& index) const {
  const auto next = std::upper_bound(registers_.begin(), registers_.end(), offset,
                                     [](u64 wanted, const Register* r) { return wanted < r->spec().offset; });
  if (next == registers_.begin()) return nullptr;
  Register* found = *std::prev(next);
  const RegisterSpec& spec = found->spec();
  const u64 inside = offset - spec.offset;
  if (inside >= extent(spec) || inside % spec.stride >= spec.size) return nullptr;
  index = static_cast<unsigned>(inside / spec.stride);
  return found;
}

// An access no wider than the register at its offset.
u64 RegisterBank::read_part(u64 offset, unsigned size) {
  unsigned index = 0;
  Register* found = find(offset, index);
  if (found == nullptr) {
    guest_error("{}: read of {} bytes at {:#x}, where there is no register", owner_, size, offset);
    return 0;
  }
  const unsigned shift = static_cast<unsigned>(8 * (offset % found->spec().size));
  const u64 lanes = low_mask(8 * size) << shift;
  const u64 value = (found->guest_read(index, lanes) & lanes) >> shift;
  if ((found->unimplemented_ & lanes) != 0) {
    unimplemented("{}: read of {}, which is not modelled in full", owner_, found->element_name(index));
  }
  if (log_enabled(LogCategory::kDevice)) {
    log(LogCategory::kDevice, "{}: {} -> {:#x} ({} bytes)", owner_, found->element_name(index), value, size);
  }
  return value;
}

void RegisterBank::write_part(u64 offset, unsigned size, u64 value) {
  unsigned index = 0;
  Register* found = find(offset, index);
  if (found == nullptr) {
    guest_error("{}: write of {:#x}, {} bytes, at {:#x}, where there is no register", owner_, value, size, offset);
    return;
  }
  if (log_enabled(LogCategory::kDevice)) {
    log(LogCategory::kDevice, "{}: {} <- {:#x} ({} bytes)", owner_, found->element_name(index), value, size);
  }
  const unsigned shift = static_cast<unsigned>(8 * (offset % found->spec().size));
  found->guest_write(index, low_mask(8 * size) << shift, value << shift, owner_);
}

// How many bytes one register takes of an access at `offset`: a wide access is split at register borders.
static unsigned part_size(const RegisterBank& bank, u64 offset, unsigned size) {
  unsigned index = 0;
  const Register* found = bank.find(offset, index);
  return found == nullptr ? std::min(size, 4u) : std::min(size, found->spec().size);
}

u64 RegisterBank::read(u64 offset, unsigned size) {
  if (offset % size != 0) {
    guest_error("{}: unaligned read of {} bytes at {:#x}", owner_, size, offset);
    return 0;
  }
  u64 value = 0;
  for (unsigned done = 0; done < size;) {
    const unsigned part = part_size(*this, offset + done, size - done);
    value |= read_part(offset + done, part) << (8 * done);
    done += part;
  }
  return value;
}

void RegisterBank::write(u64 offset, unsigned size, u64 value) {
  if (offset % size != 0) {
    guest_error("{}: unaligned write of {:#x}, {} bytes, at {:#x}", owner_, value, size, offset);
    return;
  }
  for (unsigned done = 0; done < size;) {
    const unsigned part = part_size(*this, offset + done, size - done);
    write_part(offset + done, part, (value >> (8 * done)) & low_mask(8 * part));
    done += part;
  }
}

void RegisterBank::reset() {
  for (Register* one : registers_) one->values_.assign(one->spec_.count, one->spec_.reset);
}

void RegisterBank::visit(Archive& archive) {
  archive.section(part_, [&] {
    for (Register* one : registers_) {
      for (u64& value : one->values_) archive.field(one->spec_.name, value);
    }
  });
  if (!archive.loading()) return;
  for (Register* one : registers_) {
    for (u64& value : one->values_) value &= low_mask(8 * one->spec_.size);
  }
}

std::string RegisterBank::dump() const {
  std::string text;
  for (const Register* one : registers_) {
    for (unsigned i = 0; i < one->spec_.count; ++i) {
      const u64 value = one->values_[i];
      text += fmt::format("{}+{:#05x} {:<16} {:#0{}x}", owner_, one->spec_.offset + u64{i} * one->spec_.stride,
                          one->element_name(i), value, 2 + 2 * one->spec_.size);
      for (const Field& field : one->spec_.fields) {
        if (field.name[0] == '\0') continue;
        text += fmt::format(" {}={:#x}", field.name, bits(value, field.lsb + field.width - 1u, field.lsb));
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace ferry::devices
