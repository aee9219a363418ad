// Archive: one visit(Archive&) per object saves, loads, compares and prints its state; snapshots, reset tests, hashes
// and debugger views all use the same one.
//
//   void Pl011::visit(Archive& archive) { archive.section("pl011", [&] { archive.field("CR", CR_); ... }); }
//
// The stream is tagged: each item carries its name's hash and its size, so that a snapshot of another shape is a clear
// error and never a shifted read. Integers are little-endian on every host.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry {

class Archive {
 public:
  virtual ~Archive() = default;

  // True when visit must accept values from outside; after loading, validate what indexes anything and call fail() if
  // it is wrong.
  virtual bool loading() const { return false; }
  // Remembers the first sentence; later items are left alone.
  void fail(std::string sentence);
  bool ok() const { return error_.empty(); }
  Status status() const;

  template <class Body>
  void section(std::string_view name, Body&& body) {
    begin(name);
    body();
    end();
  }

  // bool, integers, enums, U128, and std::array of them.
  template <class T>
  void field(std::string_view name, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      u64 wide = value ? 1 : 0;
      integer(name, wide, 1);
      value = wide != 0;
    } else if constexpr (std::is_enum_v<T>) {
      auto raw = static_cast<std::underlying_type_t<T>>(value);
      field(name, raw);
      value = static_cast<T>(raw);
    } else if constexpr (std::is_integral_v<T>) {
      u64 wide = static_cast<u64>(value) & low_mask(8 * sizeof(T));
      integer(name, wide, sizeof(T));
      value = static_cast<T>(wide);
    } else if constexpr (std::is_same_v<T, U128>) {
      integer(name, value.lo, 8);
      integer(name, value.hi, 8);
    } else {
      for (auto& element : value) field(name, element);
    }
  }

  // A block of fixed size.
  virtual void bytes(std::string_view name, std::span<u8> data) = 0;
  // A block whose size is part of the state; on load it gets the saved size, which must not exceed max_size.
  virtual void blob(std::string_view name, std::vector<u8>& data, usize max_size) = 0;

 protected:
  virtual void begin(std::string_view name) = 0;
  virtual void end() = 0;
  virtual void integer(std::string_view name, u64& value, unsigned size) = 0;

 private:
  std::string error_;
};

// Appends the state to a byte vector.
class SaveArchive : public Archive {
 public:
  void bytes(std::string_view name, std::span<u8> data) override;
  void blob(std::string_view name, std::vector<u8>& data, usize max_size) override;
  const std::vector<u8>& data() const { return data_; }
  std::vector<u8> take() { return std::move(data_); }

 protected:
  void begin(std::string_view name) override;
  void end() override;
  void integer(std::string_view name, u64& value, unsigned size) override;

 private:
  std::vector<u8> data_;
};

// Reads what SaveArchive wrote. Damaged or foreign input gives an error in status(), with the path of the item; never a
// crash.
class LoadArchive : public Archive {
 public:
  explicit LoadArchive(std::span<const u8> data) : data_(data) {}
  bool loading() const override { return true; }
  void bytes(std::string_view name, std::span<u8> data) override;
  void blob(std::string_view name, std::vector<u8>& data, usize max_size) override;
  bool at_end() const { return position_ == data_.size(); }

 protected:
  void begin(std::string_view name) override;
  void end() override;
  void integer(std::string_view name, u64& value, unsigned size) override;

 private:
  const u8* take_item(std::string_view name, usize size, bool any_size, usize& got);
  std::string path_to(std::string_view name) const;

  std::span<const u8> data_;
  usize position_ = 0;
  std::vector<std::string> path_;
};

// Lists the state as text, one item a line.
class PrintArchive : public Archive {
 public:
  void bytes(std::string_view name, std::span<u8> data) override;
  void blob(std::string_view name, std::vector<u8>& data, usize max_size) override;
  const std::string& text() const { return text_; }

 protected:
  void begin(std::string_view name) override;
  void end() override;
  void integer(std::string_view name, u64& value, unsigned size) override;

 private:
  std::string text_;
  unsigned depth_ = 0;
};

// Compares the state with a saved one; differences() names each item that differs, "path: saved VALUE, now VALUE".
class CompareArchive : public Archive {
 public:
  explicit CompareArchive(std::span<const u8> saved) : data_(saved) {}
  void bytes(std::string_view name, std::span<u8> data) override;
  void blob(std::string_view name, std::vector<u8>& data, usize max_size) override;
  const std::vector<std::string>& differences() const { return differences_; }

 protected:
  void begin(std::string_view name) override;
  void end() override;
  void integer(std::string_view name, u64& value, unsigned size) override;

 private:
  const u8* take_item(std::string_view name, usize& size);
  void differ(std::string_view name, const std::string& what);
  void compare_block(std::string_view name, std::span<const u8> now);

  std::span<const u8> data_;
  usize position_ = 0;
  std::vector<std::string> path_;
  std::vector<std::string> differences_;
};

}  // namespace ferry
