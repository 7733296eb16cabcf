/*
 * The guest of the KVM probe: what a kernel does first, and then the word that it is done.
 *
 * A host can open /dev/kvm, make a VM and run 32-bit code in it, and still hang every real kernel, so this
 * goes the same way: PVH entry, paging, long mode, the upper half, MSRs, exceptions, speed, a timer interrupt, ring 3.
 * Before each step it writes the step's letter to the debug port, so that the host can say where it stopped.
 *
 * kvm-probe-guest.ts holds the result; scripts/make-kvm-probe.sh makes it anew.
 */

PORT_DEBUG = 0xe9               /* isa-debugcon */
PORT_EXIT  = 0xf4               /* isa-debug-exit: QEMU ends with (value << 1) | 1 */
EXIT_VALUE = 0x2a

LOOPS = 10000000                /* a few ms on hardware, some 50 ms where translated by TCG */

/* The local APIC's registers (Intel SDM, volume 3, table 11-1). */
APIC_BASE    = 0xfee00000
APIC_EOI     = APIC_BASE + 0xb0
APIC_SPURIOUS = APIC_BASE + 0xf0
APIC_LVT_TIMER = APIC_BASE + 0x320
APIC_TIMER_INITIAL = APIC_BASE + 0x380
APIC_TIMER_DIVIDE  = APIC_BASE + 0x3e0
APIC_ENABLED = 0x100
TIMER_VECTOR = 0x20
SPURIOUS_VECTOR = 0x2f

MSR_EFER    = 0xc0000080
MSR_STAR    = 0xc0000081
MSR_LSTAR   = 0xc0000082
MSR_SFMASK  = 0xc0000084
MSR_GS_BASE = 0xc0000101
EFER_SCE_LME = 0x101
CR0_WP_PG    = 0x80010000
CR4_PAE      = 0x20

PML4  = 0x2000
PDPT  = 0x3000
PD    = 0x4000
PD_APIC = 0x5000                /* the fourth GiB, where the local APIC is */
TABLES_END = 0x6000
STACK = 0x9000
HIGH  = 0xffffffff80000000      /* where Linux runs; the first 1 GiB of memory is mapped there, too */
HIGH_LOW32 = 0x80000000
HOLE  = 0x3fe00000              /* the last 2 MiB of that GiB: mapped only when it is touched, to MEMORY */
MEMORY = 0x200000

PRESENT_WRITE_USER = 0x7
UNCACHED           = 0x10
LARGE_PAGE         = 0x80
KERNEL_CODE = 0x08
KERNEL_DATA = 0x10
USER_CODE32 = 0x1b              /* sysret takes stack and code from the two entries after this one */

.macro step letter
        mov     $PORT_DEBUG, %dx
        mov     $\letter, %al
        out     %al, %dx
.endm

.macro gate vector, handler
        mov     $\handler, %eax
        lea     idt + \vector * 16, %rdi
        mov     %ax, (%rdi)
        movw    $KERNEL_CODE, 2(%rdi)
        movw    $0x8e00, 4(%rdi)        /* present, ring 0, interrupt gate */
        shr     $16, %eax
        or      $0x8000, %eax
        mov     %ax, 6(%rdi)
        movl    $0xffffffff, 8(%rdi)
.endm

.macro wrmsr64 msr, low, high
        mov     $\msr, %ecx
        mov     $\low, %eax
        mov     $\high, %edx
        wrmsr
.endm

        .text
        .code32
        .globl _start
_start: cli
        step    'P'                     /* protected mode, as PVH enters it */
        mov     $PML4, %edi
        xor     %eax, %eax
        mov     $((TABLES_END - PML4) / 4), %ecx
        cld
        rep stosl
        movl    $(PDPT + PRESENT_WRITE_USER), PML4
        movl    $(PDPT + PRESENT_WRITE_USER), PML4 + 511 * 8
        movl    $(PD + PRESENT_WRITE_USER), PDPT
        movl    $(PD + PRESENT_WRITE_USER), PDPT + 510 * 8
        movl    $(PD_APIC + PRESENT_WRITE_USER), PDPT + 3 * 8
        movl    $(APIC_BASE + UNCACHED + LARGE_PAGE + PRESENT_WRITE_USER), PD_APIC + 503 * 8
        mov     $PD, %edi
        mov     $(LARGE_PAGE + PRESENT_WRITE_USER), %eax
        mov     $511, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b

        step    'L'                     /* long mode */
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_SCE_LME, %eax
        wrmsr
        lgdt    gdt_pointer
        mov     %cr0, %eax
        or      $CR0_WP_PG, %eax
        mov     %eax, %cr0
        ljmp    $KERNEL_CODE, $long_mode

        .code64
long_mode:
        mov     $KERNEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss

        step    'H'                     /* the upper half, and the lower one flushed from the TLB */
        mov     $(HIGH + upper_half), %rax
        jmp     *%rax
upper_half:
        mov     $(HIGH + STACK), %rsp
        mov     %cr3, %rax
        mov     %rax, %cr3

        step    'M'                     /* model-specific registers and cpuid */
        xor     %eax, %eax
        cpuid
        rdtsc
        wrmsr64 MSR_GS_BASE, 0x1000, 0
        swapgs
        wrmsr64 MSR_STAR, 0, ((USER_CODE32 << 16) | KERNEL_CODE)
        wrmsr64 MSR_LSTAR, (HIGH_LOW32 + system_call), 0xffffffff
        wrmsr64 MSR_SFMASK, 0x200, 0

        gate    3, breakpoint
        gate    6, invalid_opcode
        gate    14, page_fault
        gate    TIMER_VECTOR, timer
        lidt    idt_pointer

        step    'E'                     /* exceptions: Linux patches its own code by int3, and ud2 is its WARN */
        int3
        ud2

        step    'F'                     /* a page fault, mended: how Linux maps its early memory */
        movl    $1, HOLE
        invlpg  HOLE

        step    'S'                     /* speed: some hosts interpret ring 0, at a thousandth of what a kernel needs */
        mov     $LOOPS, %ecx
1:      loop    1b

        step    'T'                     /* a timer interrupt, waited for in hlt */
        mov     $APIC_BASE, %ebp
        movl    $(APIC_ENABLED + SPURIOUS_VECTOR), APIC_SPURIOUS - APIC_BASE(%rbp)
        movl    $0x3, APIC_TIMER_DIVIDE - APIC_BASE(%rbp)       /* by 16 */
        movl    $TIMER_VECTOR, APIC_LVT_TIMER - APIC_BASE(%rbp) /* once */
        movl    $10000, APIC_TIMER_INITIAL - APIC_BASE(%rbp)
        xor     %ebx, %ebx
1:      sti
        hlt
        cli
        test    %ebx, %ebx
        jz      1b

        step    'U'                     /* ring 3, and back by a system call */
        mov     $user, %ecx
        mov     $0x2, %r11d
        sysretq
user:   syscall
        ud2

system_call:
        mov     $(HIGH + STACK), %rsp
        step    'X'
        mov     $PORT_EXIT, %dx
        mov     $EXIT_VALUE, %al
        out     %al, %dx
1:      hlt
        jmp     1b

breakpoint:
        iretq

invalid_opcode:
        addq    $2, (%rsp)              /* past the two bytes of ud2 */
        iretq

page_fault:
        add     $8, %rsp                /* the error code */
        mov     %cr2, %rax
        shr     $21, %rax
        and     $511, %eax
        movl    $(MEMORY + LARGE_PAGE + PRESENT_WRITE_USER), PD(, %rax, 8)
        iretq

timer:
        inc     %ebx
        movl    $0, APIC_EOI - APIC_BASE(%rbp)
        iretq

        .balign 8
gdt:    .quad   0
        .quad   0x00af9b000000ffff      /* 0x08 kernel code, 64 bits */
        .quad   0x00cf93000000ffff      /* 0x10 kernel data */
        .quad   0x00cffb000000ffff      /* 0x18 user code, 32 bits: sysret wants its place */
        .quad   0x00cff3000000ffff      /* 0x20 user data */
        .quad   0x00affb000000ffff      /* 0x28 user code, 64 bits */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt
idt_pointer:
        .word   33 * 16 - 1
        .quad   HIGH + idt

        .bss
        .balign 16
idt:    .skip   33 * 16

/* XEN_ELFNOTE_PHYS32_ENTRY: where PVH starts (xen/include/public/elfnote.h). */
        .section .note.pvh, "a", @note
        .long   4, 4, 18
        .asciz  "Xen"
        .long   _start
