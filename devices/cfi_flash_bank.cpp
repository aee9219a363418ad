#include "devices/cfi_flash_bank.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/log.h"

namespace ferry::devices {
namespace {

// Status register
constexpr u8 kReady = 0x80, kEraseError = 0x20, kProgramError = 0x10, kLockError = 0x02;
constexpr u8 kSequenceError = kEraseError | kProgramError;

constexpr u8 kManufacturer = 0x89, kDeviceCode = 0x18;
constexpr unsigned kBufferLog2 = 9;  // bytes a chip takes in one buffered program

}  // namespace

FlashArray::FlashArray(usize size, usize block_size)
    : size_(size), block_size_(block_size), present_(size / block_size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT(memory != MAP_FAILED, "address space for a flash bank");
  data_ = static_cast<u8*>(memory);
}

FlashArray::~FlashArray() { munmap(data_, size_); }

u8* FlashArray::block(usize index) {
  u8* bytes = data_ + index * block_size_;
  if (!present_[index]) std::memset(bytes, 0xff, block_size_);
  present_[index] = 1;
  return bytes;
}

usize FlashArray::direct_size() const {
  const auto gap = std::find(present_.begin(), present_.end(), u8{0});
  return static_cast<usize>(gap - present_.begin()) * block_size_;
}

void FlashArray::visit(Archive& archive) {
  for (usize i = 0; i < present_.size(); ++i) {
    bool there = present(i);
    archive.field("nonvolatile_present", there);
    if (there)
      archive.bytes("nonvolatile_block", {block(i), block_size_});
    else if (archive.loading())
      present_[i] = 0;
  }
}

CfiFlash::Bank::Bank(CfiFlash& flash, std::string name, usize size, unsigned width, BlockBackend* image)
    : flash_(flash),
      name_(std::move(name)),
      width_(width),
      image_(image),
      array_(size, kBlockSize),
      locked_(size / kBlockSize) {}

Status CfiFlash::Bank::load() {
  if (image_ == nullptr) return {};
  const usize size = static_cast<usize>(image_->size());
  for (usize done = 0; done < size; done += kBlockSize) {
    const usize part = std::min(kBlockSize, size - done);
    if (const Status status = image_->read(done, {array_.block(done / kBlockSize), part}); !status) return status;
  }
  return {};
}

void CfiFlash::Bank::reset() {
  show(Mode::kArray);
  next_ = Next::kCommand;
  status_ = kReady;
  std::fill(locked_.begin(), locked_.end(), u8{0});
  buffer_block_ = buffer_left_ = 0;
  buffer_.clear();
}

void CfiFlash::Bank::visit(Archive& archive) {
  archive.section("bank", [&] {
    archive.field("mode", mode_);
    archive.field("next", next_);
    archive.field("status", status_);
    archive.bytes("locked", locked_);
    u64 block = buffer_block_;
    archive.field("buffer_block", block);
    archive.field("buffer_left", buffer_left_);
    u32 count = static_cast<u32>(buffer_.size());
    archive.field("buffer_count", count);
    const u32 most = width_ << kBufferLog2;
    if (archive.loading()) {
      const bool sound = mode_ <= Mode::kQuery && next_ <= Next::kProtection && count <= most && buffer_left_ <= most &&
                         block < locked_.size();
      if (!sound) {
        archive.fail(name_ + ": the saved command state is out of range");
        reset();
        return;
      }
      buffer_block_ = static_cast<usize>(block);
      buffer_.resize(count);
    }
    for (BufferedWrite& write : buffer_) {
      archive.field("offset", write.offset);
      archive.field("value", write.value);
      archive.field("size", write.size);
      const bool inside =
          (write.size == 1 || write.size == 2 || write.size == 4) && u64{write.offset} + write.size <= array_.size();
      if (inside) continue;
      archive.fail(name_ + ": a saved buffered write is out of range");
      write = {0, 0, 1};
    }
    array_.visit(archive);
    if (!archive.loading()) return;
    direct_changed_ = true;
    changed(0, array_.size());
  });
}

// --- reading ---

const u8* CfiFlash::Bank::direct_read_pointer() const {
  const std::lock_guard lock(flash_.mutex());
  return mode_ == Mode::kArray && array_.direct_size() != 0 ? array_.data() : nullptr;
}

usize CfiFlash::Bank::direct_read_size() const {
  const std::lock_guard lock(flash_.mutex());
  return mode_ == Mode::kArray ? array_.direct_size() : 0;
}

// The CFI query table of one chip (JESD68.01; 28F128J3 appendix "CFI"), a byte a word.
u8 CfiFlash::Bank::table(u32 index) const {
  const unsigned chips = std::max(width_ / 2, 1u);
  const usize blocks = array_.size() / kBlockSize, chip_block = kBlockSize / chips;
  const u8 size_log2 = static_cast<u8>(std::bit_width(array_.size() / chips) - 1);
  switch (index) {
    case 0x10: return 'Q';
    case 0x11: return 'R';
    case 0x12: return 'Y';
    case 0x13: return 0x01;  // Intel/Sharp extended command set
    case 0x15: return 0x31;  // where its own table is
    case 0x1b: return 0x45;  // Vcc 4.5 to 5.5 V
    case 0x1c: return 0x55;
    case 0x1f: return 0x07;  // typical and longest times, powers of two
    case 0x20: return 0x07;
    case 0x21: return 0x0a;
    case 0x23: return 0x04;
    case 0x24: return 0x04;
    case 0x25: return 0x04;
    case 0x27: return size_log2;
    case 0x28: return static_cast<u8>(width_ == 1 ? 0x00 : 0x02);  // x8, or x8/x16
    case 0x2a: return kBufferLog2;
    case 0x2c: return 1;  // regions of equal blocks
    case 0x2d: return static_cast<u8>((blocks - 1) & 0xff);
    case 0x2e: return static_cast<u8>((blocks - 1) >> 8);
    case 0x2f: return static_cast<u8>(chip_block / 256 & 0xff);
    case 0x30: return static_cast<u8>(chip_block / 256 >> 8);
    case 0x31: return 'P';
    case 0x32: return 'R';
    case 0x33: return 'I';
    case 0x34: return '1';  // version 1.0, no optional features
    case 0x35: return '0';
    default: return 0;
  }
}

// What one byte of the bus shows outside array mode: each 16-bit chip answers with a byte in its low half.
u8 CfiFlash::Bank::lane_byte(usize offset) const {
  if (width_ > 1 && offset % 2 != 0) return 0;
  const u32 word = static_cast<u32>(offset / width_);
  switch (mode_) {
    case Mode::kArray: break;
    case Mode::kStatus: return status_;
    case Mode::kQuery: return table(word & 0xff);
    case Mode::kIdentifier:
      switch (word & 0xff) {
        case 0: return kManufacturer;
        case 1: return kDeviceCode;
        case 2: return locked_[offset / kBlockSize];
        default: return 0;
      }
  }
  UNREACHABLE("array mode is read from the array");
}

u64 CfiFlash::Bank::read(u64 offset, unsigned size) {
  const std::lock_guard lock(flash_.mutex());
  if (offset >= array_.size() || size > array_.size() - offset) {
    guest_error("{}: read of {} bytes at {:#x}, beyond its end", name_, size, offset);
    return 0;
  }
  u64 value = 0;
  for (unsigned i = 0; i < size; ++i) {
    const usize at = static_cast<usize>(offset) + i;
    value |= u64{mode_ == Mode::kArray ? array_.get(at) : lane_byte(at)} << 8 * i;
  }
  return value;
}

// --- commands ---

void CfiFlash::Bank::show(Mode mode) {
  if ((mode == Mode::kArray) != (mode_ == Mode::kArray)) direct_changed_ = true;
  mode_ = mode;
}

void CfiFlash::Bank::write(u64 offset, unsigned size, u64 value) {
  if (offset >= array_.size() || size > array_.size() - offset || offset % size != 0) {
    guest_error("{}: write of {} bytes at {:#x}, unaligned or beyond its end", name_, size, offset);
    return;
  }
  const unsigned part = std::min(size, width_);
  flash_.locked([&] {
    for (unsigned done = 0; done < size; done += part) {
      write_part(static_cast<usize>(offset) + done, part, static_cast<u32>(value >> 8 * done & low_mask(8 * part)));
    }
  });
}

void CfiFlash::Bank::write_part(usize offset, unsigned size, u32 value) {
  if (next_ == Next::kCommand) return command(offset, static_cast<u8>(value));
  continue_with(offset, size, value);
}

void CfiFlash::Bank::command(usize offset, u8 code) {
  switch (code) {
    case 0xff:                             // Read Array
    case 0xf0: return show(Mode::kArray);  // how a driver that tries another command set resets
    case 0x90: return show(Mode::kIdentifier);
    case 0x98: return show(Mode::kQuery);
    case 0x70: return show(Mode::kStatus);
    case 0x50: status_ = kReady; return;  // Clear Status Register; what reads show stays
    case 0x10:
    case 0x40: next_ = Next::kProgram; return show(Mode::kStatus);
    case 0x20: next_ = Next::kErase; return show(Mode::kStatus);
    case 0xe8:
      next_ = Next::kBufferCount;
      buffer_block_ = offset / kBlockSize;
      return show(Mode::kStatus);
    case 0x60: next_ = Next::kLock; return show(Mode::kStatus);
    case 0xc0: next_ = Next::kProtection; return show(Mode::kStatus);
    case 0xb0:  // Suspend and Resume: nothing ever takes time
    case 0xd0: return show(Mode::kStatus);
    default: guest_error("{}: unknown command {:#04x} at {:#x}", name_, code, offset); return show(Mode::kArray);
  }
}

void CfiFlash::Bank::continue_with(usize offset, unsigned size, u32 value) {
  const u8 code = static_cast<u8>(value);
  switch (std::exchange(next_, Next::kCommand)) {
    case Next::kCommand: return;
    case Next::kProgram: program(offset, size, value); return;
    case Next::kErase:
      if (code == 0xd0) return erase(offset);
      status_ |= kSequenceError;
      return;
    case Next::kBufferCount: return begin_buffer(value);
    case Next::kBufferData: return fill_buffer(offset, size, value);
    case Next::kBufferConfirm:
      if (code == 0xd0) return program_buffer();
      status_ |= kSequenceError;
      buffer_.clear();
      return;
    case Next::kLock: return change_lock(offset, code);
    case Next::kProtection:
      unimplemented("{}: protection registers", name_);
      status_ |= kProgramError | kLockError;
      return;
  }
}

// Words of one chip, less one. Each data write counts as one, whether it fills both chips or (as drivers do that take
// the bank for one 16-bit chip) one of them.
void CfiFlash::Bank::begin_buffer(u32 value) {
  const u32 count = (width_ == 1 ? value & 0xff : value & 0xffff) + 1;
  const u32 bytes = count * width_;
  buffer_.clear();
  if (bytes > std::max(width_ / 2, 1u) << kBufferLog2) {
    guest_error("{}: buffered program of {} bytes, expected at most {}", name_, bytes,
                std::max(width_ / 2, 1u) << kBufferLog2);
    status_ |= kSequenceError;
    return;
  }
  buffer_left_ = count;
  next_ = Next::kBufferData;
}

void CfiFlash::Bank::fill_buffer(usize offset, unsigned size, u32 value) {
  if (offset / kBlockSize != buffer_block_) {
    guest_error("{}: buffered program leaves its block at {:#x}", name_, offset);
    status_ |= kSequenceError;
    buffer_.clear();
    return;
  }
  buffer_.push_back({static_cast<u32>(offset), value, static_cast<u8>(size)});
  if (buffer_left_ != 0) --buffer_left_;
  next_ = buffer_left_ == 0 ? Next::kBufferConfirm : Next::kBufferData;
}

void CfiFlash::Bank::program_buffer() {
  for (const BufferedWrite& write : buffer_) {
    if (!program(write.offset, write.size, write.value)) break;
  }
  buffer_.clear();
}

// Whether the block may change; if not, the status says why.
bool CfiFlash::Bank::writable(usize offset, u8 error) {
  if (locked_[offset / kBlockSize] == 0 && (image_ == nullptr || !image_->read_only())) return true;
  guest_error("{}: change of a locked block at {:#x}", name_, offset);
  status_ |= error | kLockError;
  return false;
}

// Programming clears bits, only erasing sets them.
bool CfiFlash::Bank::program(usize offset, unsigned size, u32 value) {
  if (!writable(offset, kProgramError)) return false;
  u8* block = array_.block(offset / kBlockSize);
  for (unsigned i = 0; i < size; ++i) block[offset % kBlockSize + i] &= static_cast<u8>(value >> 8 * i);
  changed(offset, offset + size);
  return true;
}

void CfiFlash::Bank::erase(usize offset) {
  if (!writable(offset, kEraseError)) return;
  const usize index = offset / kBlockSize;
  std::memset(array_.block(index), 0xff, kBlockSize);
  changed(index * kBlockSize, (index + 1) * kBlockSize);
}

void CfiFlash::Bank::change_lock(usize offset, u8 code) {
  switch (code) {
    case 0x01:
    case 0x2f: locked_[offset / kBlockSize] = 1; return;
    case 0xd0: locked_[offset / kBlockSize] = 0; return;
    case 0x03: return;  // Set Configuration: a timing matter
    default: status_ |= kSequenceError; return;
  }
}

// --- the image ---

void CfiFlash::Bank::changed(usize from, usize to) {
  if (image_ == nullptr) return;
  const bool clean = dirty_from_ == dirty_to_;
  dirty_from_ = clean ? from : std::min(dirty_from_, from);
  dirty_to_ = clean ? to : std::max(dirty_to_, to);
}

void CfiFlash::Bank::settle() {
  if (direct_changed_.exchange(false) && listener_) listener_();
}

void CfiFlash::Bank::keep() {
  if (image_ == nullptr || image_->read_only()) return;
  const usize image_size = static_cast<usize>(image_->size());
  for (;;) {
    std::vector<u8> bytes;
    usize from = 0;
    {
      const std::lock_guard lock(flash_.mutex());
      from = dirty_from_;
      const usize to = std::min({dirty_to_, image_size, from + kBlockSize});
      dirty_from_ = to;
      if (from >= to || dirty_from_ >= std::min(dirty_to_, image_size)) dirty_from_ = dirty_to_ = 0;
      for (usize i = from; i < to; ++i) bytes.push_back(array_.get(i));
    }
    if (bytes.empty()) return;
    if (const Status status = image_->write(from, bytes); !status)
      log_text(LogCategory::kMachine, name_ + ": " + status.error().message);
  }
}

}  // namespace ferry::devices
