#include "verify/oracle_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace ferry::verify {
namespace {

// As in oracle.c.
struct Header {
  u32 words, states, memory_offset, memory_bytes;
};
struct WireState {
  u64 x[31], sp, pc, far;
  u32 nzcv, fpcr, fpsr, signal;
  U128 v[32];
};
static_assert(sizeof(WireState) == 8 * 34 + 16 + 512);

// The requests and the replies of a chunk fit into a pipe: neither side waits for the other while both write.
constexpr int kPipeBytes = 1 << 20;
constexpr usize kChunkBytes = 60000;

WireState to_wire(const State& s) {
  WireState w{};
  std::memcpy(w.x, s.x, sizeof w.x);
  w.sp = s.x[31];
  w.nzcv = cpu::nzcv_to_arch(s.nzcv);
  w.fpcr = s.fpcr;
  w.fpsr = s.fpsr;
  std::memcpy(w.v, s.v, sizeof w.v);
  return w;
}

State from_wire(const WireState& w) {
  State s;
  std::memcpy(s.x, w.x, sizeof w.x);
  s.x[31] = w.sp;
  s.pc = w.pc;
  s.nzcv = cpu::nzcv_from_arch(w.nzcv);
  s.fpcr = w.fpcr;
  s.fpsr = w.fpsr;
  std::memcpy(s.v, w.v, sizeof s.v);
  return s;
}

bool write_all(int fd, const u8* p, usize n) {
  while (n > 0) {
    const ssize_t done = ::write(fd, p, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    p += done;
    n -= static_cast<usize>(done);
  }
  return true;
}

bool read_all(int fd, void* to, usize n) {
  u8* p = static_cast<u8*>(to);
  while (n > 0) {
    const ssize_t done = ::read(fd, p, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    p += done;
    n -= static_cast<usize>(done);
  }
  return true;
}

template <class T>
void append(std::vector<u8>& out, const T& v) {
  const u8* p = reinterpret_cast<const u8*>(&v);
  out.insert(out.end(), p, p + sizeof v);
}

}  // namespace

Result<std::unique_ptr<Oracle>> Oracle::start(const std::vector<std::string>& command) {
  int to[2], from[2];
  if (pipe(to) != 0) return Error{fmt::format("oracle: no pipe: {}", std::strerror(errno))};
  if (pipe(from) != 0) return Error{fmt::format("oracle: no pipe: {}", std::strerror(errno))};
  std::vector<char*> arguments;
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], 0);
  posix_spawn_file_actions_adddup2(&actions, from[1], 1);
  for (const int fd : {to[0], to[1], from[0], from[1]}) posix_spawn_file_actions_addclose(&actions, fd);
  pid_t process = 0;
  const int error = posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]);
  close(from[1]);
  if (error != 0) {
    close(to[1]);
    close(from[0]);
    return Error{fmt::format("{}: cannot be started: {}", command[0], std::strerror(error))};
  }
  std::signal(SIGPIPE, SIG_IGN);
  // Larger pipes mean fewer switches between the two; the host may refuse them.
  const bool large =
      fcntl(to[1], F_SETPIPE_SZ, kPipeBytes) >= kPipeBytes && fcntl(from[0], F_SETPIPE_SZ, kPipeBytes) >= kPipeBytes;
  return std::unique_ptr<Oracle>(new Oracle(process, to[1], from[0], large ? kPipeBytes - 4096 : kChunkBytes));
}

Oracle::~Oracle() {
  close(to_);
  close(from_);
  waitpid(process_, nullptr, 0);
}

Result<std::span<const OracleReply>> Oracle::run(std::span<const u32> words, std::span<const OracleCase> cases,
                                                 bool memory) {
  if (replies_.size() < cases.size()) replies_.resize(cases.size());
  const u32 window = memory ? kWindowBytes : 0;
  const usize chunk = chunk_bytes_ / (sizeof(WireState) + window);
  std::vector<u8>& request = buffer_;
  for (usize first = 0; first < cases.size(); first += chunk) {
    const usize count = std::min(chunk, cases.size() - first);
    request.clear();
    // No words: those of the chunk before.
    append(request,
           Header{first == 0 ? static_cast<u32>(words.size()) : 0, static_cast<u32>(count), kWindowOffset, window});
    if (first == 0)
      for (const u32 w : words) append(request, w);
    for (const OracleCase& c : cases.subspan(first, count)) {
      append(request, to_wire(c.state));
      if (memory) append(request, c.window);
    }
    if (!write_all(to_, request.data(), request.size())) return Error{"oracle: it has gone"};
    request.resize(count * (sizeof(WireState) + window));
    if (!read_all(from_, request.data(), request.size())) return Error{"oracle: it ended in the middle of a case"};
    const u8* p = request.data();
    for (usize i = 0; i < count; ++i) {
      WireState w;
      OracleReply& reply = replies_[first + i];
      std::memcpy(&w, p, sizeof w);
      std::memset(reply.window.data() + window, 0, kWindowBytes - window);
      std::memcpy(reply.window.data(), p + sizeof w, window);
      p += sizeof w + window;
      reply.state = from_wire(w);
      reply.signal = w.signal;
    }
  }
  return std::span<const OracleReply>(replies_.data(), cases.size());
}

}  // namespace ferry::verify
