// A program that does nothing but call the host: stack, then main(x0).
  .section .text.start, "ax"
  .global _start
_start:
  adrp x0, stack_top
  add x0, x0, :lo12:stack_top
  mov sp, x0
  bl main
1: wfi
  b 1b

// u64 host(u64 operation, void* parameter)
  .global host
host:
  hlt #0xf000
  ret

// Calls from EL0: on(user code), with the exception that comes back as result (ESR).
  .global from_el0
from_el0:
  stp x29, x30, [sp, #-16]!
  adr x1, vectors
  msr vbar_el1, x1
  adr x1, user
  msr elr_el1, x1
  msr spsr_el1, xzr
  isb
  eret
user:
  mov x0, #0x13
  hlt #0xf000
  svc #0
back:
  mrs x0, esr_el1
  ldp x29, x30, [sp], #16
  ret
  .balign 2048
vectors:
  .rept 16
  b back
  .balign 128
  .endr

  .bss
  .balign 16
  .space 65536
stack_top:
