// Register banks: a device's registers as data, in the order of its datasheet. The bank owns their values, resets,
// saves, loads and dumps them, applies the fields' access rules, takes narrow and wide accesses, and logs what no
// datasheet allows.
//
//   RegisterBank bank_{name()};
//   Register UARTCR{bank_, {.offset = 0x030, .name = "UARTCR", .reset = 0x300, .fields = {{"UARTEN", 0, 1,
//   Access::kRw}, ...}}};
//
// Bits that no field names are reserved: they read as zero and ignore writes.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/types.h"

namespace ferry::devices {

enum class Access : u8 {
  kRw,             // reads what was written
  kRo,             // writes are ignored
  kWo,             // reads as zero; a write reaches only the register's on_write
  kW1c,            // a one clears the bit
  kW1s,            // a one sets the bit
  kRc,             // reading clears it; writes are ignored
  kReserved,       // as bits without a field, but named by the datasheet
  kUnimplemented,  // reads as zero, ignores writes, and both are logged under `unimp`
};

struct Field {
  const char* name;
  u8 lsb;
  u8 width;
  Access access;
};

struct RegisterSpec {
  u32 offset;
  const char* name;
  u64 reset = 0;
  std::vector<Field> fields = {};
  unsigned size = 4;    // bytes: 1, 2, 4 or 8
  unsigned count = 1;   // elements of an array
  unsigned stride = 0;  // bytes from element to element; 0: size
  unsigned first = 0;   // the manual's number of the first element
};

// Every bit alike.
std::vector<Field> whole(Access access);

class RegisterBank;

// One register, or an array of them. A member of its device; it never moves.
class Register {
 public:
  Register(RegisterBank& bank, RegisterSpec spec);
  Register(const Register&) = delete;
  Register& operator=(const Register&) = delete;

  // The stored value, without rules or hooks.
  u64 get(unsigned index = 0) const { return values_[index]; }
  void set(u64 value, unsigned index = 0) { values_[index] = value & low_mask(8 * spec_.size); }
  bool test(u64 mask, unsigned index = 0) const { return (values_[index] & mask) != 0; }
  void assign(u64 mask, bool on, unsigned index = 0) { set(on ? get(index) | mask : get(index) & ~mask, index); }

  const RegisterSpec& spec() const { return spec_; }
  // The bits that some field makes writable by plain stores, or readable at all.
  u64 writable() const { return rw_; }
  u64 readable() const { return readable_; }
  bool has_hooks() const { return read_hook_ || write_hook_; }
  bool read_only() const { return (rw_ | wo_ | w1c_ | w1s_) == 0; }

  // What a guest's read gets instead of the stored value (fields still mask it); may have side effects. No reads of one
  // register are merged: an access wider than the register calls it per element, a narrower one once.
  Register& on_read(std::function<u64(unsigned index)> hook);
  struct Write {
    unsigned index;  // element
    u64 written;     // what the guest wrote, zero outside `lanes`
    u64 lanes;       // the bits that the access covered
    u64 before;      // stored value before and after the field rules
    u64 now;
  };
  Register& on_write(std::function<void(const Write&)> hook);

  std::string element_name(unsigned index) const;

 private:
  friend class RegisterBank;
  u64 guest_read(unsigned index, u64 lanes);
  void guest_write(unsigned index, u64 lanes, u64 value, const std::string& owner);

  RegisterSpec spec_;
  std::vector<u64> values_;
  u64 rw_ = 0, wo_ = 0, w1c_ = 0, w1s_ = 0, rc_ = 0, readable_ = 0, unimplemented_ = 0, named_ = 0;
  std::function<u64(unsigned)> read_hook_;
  std::function<void(const Write&)> write_hook_;
};

class RegisterBank {
 public:
  // `device` is the device's name, for logs; `part` tells its banks apart.
  explicit RegisterBank(std::string device, std::string part = "registers")
      : part_(std::move(part)), owner_(part_ == "registers" ? std::move(device) : std::move(device) + " " + part_) {}

  // A guest access of 1, 2, 4 or 8 bytes. Narrower than the register: those lanes of it; wider: each register in turn.
  // Unaligned accesses and offsets without a register read as zero, ignore writes, and are logged.
  u64 read(u64 offset, unsigned size);
  void write(u64 offset, unsigned size, u64 value);

  // Each value becomes its reset value; no hook runs.
  void reset();
  void visit(Archive& archive);
  // Name, value and fields of each register, one register a line.
  std::string dump() const;

  std::span<Register* const> registers() const { return registers_; }
  // The register at that offset and the element's index; null when there is none.
  Register* find(u64 offset, unsigned& index) const;
  const std::string& part() const { return part_; }

 private:
  friend class Register;
  void add(Register& added);
  u64 read_part(u64 offset, unsigned size);
  void write_part(u64 offset, unsigned size, u64 value);

  std::string part_;
  std::string owner_;                 // as logs name it
  std::vector<Register*> registers_;  // by offset
};

}  // namespace ferry::devices
