// Result<T>: a value or an Error, for user input and host failures (never for guest behaviour, never for our own bugs).
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/check.h"

namespace ferry {

// One line, "path: what is wrong, what was expected", lower-case, without a full stop.
struct Error {
  std::string message;
};

template <class T = std::monostate>
class [[nodiscard]] Result {
 public:
  Result(T value) : data_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : data_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  Result()
    requires std::is_same_v<T, std::monostate>
      : data_(std::in_place_index<0>) {}

  explicit operator bool() const { return data_.index() == 0; }
  bool ok() const { return data_.index() == 0; }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  T& value() {
    ASSERT(ok(), "value() of a Result that holds an error");
    return std::get<0>(data_);
  }
  const Error& error() const {
    ASSERT(!ok(), "error() of a Result that holds a value");
    return std::get<1>(data_);
  }

 private:
  std::variant<T, Error> data_;
};

using Status = Result<>;

}  // namespace ferry
