//! A program in front of another one: of adverts over IPv4 that go to a group, it drops those whose checksum is wrong
//! in every version. What it cannot judge (unicast, longer messages, other versions, what is cut off) it leaves to the
//! program behind it.

use super::{jump, statement};

/// Octets of the longest message that is summed up: classic BPF has no loops, and this is a program of some 300
/// instructions. A message of version 2 with 24 addresses fits.
const MESSAGE_MAX: u32 = 112;
/// Where the IPv4 header has its addresses, two of four octets.
const ADDRESSES: std::ops::Range<u32> = 12..20;
const DESTINATION: u32 = 16;
const PROTOCOL: u32 = 112;

/// Words of scratch memory: octets of the header, of what is behind it, and of the message; the sum; half of one.
const HEADER: u32 = 0;
const BEHIND: u32 = 1;
const LENGTH: u32 = 2;
const SUM: u32 = 3;
const HALF: u32 = 4;

/// The program; its end is the beginning of the next one.
pub(super) fn wrong_is_dropped() -> Vec<libc::sock_filter> {
    let mut part = Part::default();
    part.measure();
    part.add_up();
    part.leave_if_right();
    // Version 3 counts the addresses, the protocol and the length as well.
    for at in ADDRESSES.step_by(2) {
        part.say(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, at);
        part.add_to_sum();
    }
    part.say(libc::BPF_LD | libc::BPF_MEM, LENGTH);
    part.say(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_K, PROTOCOL);
    part.add_to_sum();
    part.leave_if_right();
    part.say(libc::BPF_RET | libc::BPF_K, 0);
    part.finished()
}

#[derive(Default)]
struct Part {
    program: Vec<libc::sock_filter>,
    /// Jumps to the end.
    leaving: Vec<usize>,
}

impl Part {
    fn say(&mut self, code: u32, k: u32) {
        self.program.push(statement(code, k));
    }

    /// To the end unless the accumulator compares like this.
    fn leave_unless(&mut self, comparison: u32, k: u32) {
        self.program.push(jump(libc::BPF_JMP | comparison, k, 1, 0));
        self.leave();
    }

    fn leave_if(&mut self, comparison: u32, k: u32) {
        self.program.push(jump(libc::BPF_JMP | comparison, k, 0, 1));
        self.leave();
    }

    fn leave(&mut self) {
        self.leaving.push(self.program.len());
        self.say(libc::BPF_JMP | libc::BPF_JA, 0);
    }

    /// Octets of everything into memory, as far as it can be judged.
    fn measure(&mut self) {
        self.say(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, DESTINATION);
        self.say(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xf0);
        self.leave_unless(libc::BPF_JEQ | libc::BPF_K, 0xe0);
        self.say(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0);
        self.say(libc::BPF_STX, HEADER);
        self.say(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0);
        self.say(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0);
        self.say(libc::BPF_ST, BEHIND);
        self.leave_unless(libc::BPF_JGE | libc::BPF_K, 8);
        // The count of addresses, four octets each.
        self.say(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 3);
        self.say(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 2);
        self.say(libc::BPF_ST, LENGTH);
        // Version 2 has eight octets before them and eight behind, version 3 only the former.
        self.say(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 0);
        self.say(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 4);
        self.program.push(jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 2, 0, 2));
        self.say(libc::BPF_LD | libc::BPF_IMM, 16);
        self.say(libc::BPF_JMP | libc::BPF_JA, 3);
        self.leave_unless(libc::BPF_JEQ | libc::BPF_K, 3);
        self.say(libc::BPF_LD | libc::BPF_IMM, 8);
        self.say(libc::BPF_LDX | libc::BPF_MEM, LENGTH);
        self.say(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0);
        self.say(libc::BPF_ST, LENGTH);
        self.leave_if(libc::BPF_JGT | libc::BPF_K, MESSAGE_MAX);
        self.say(libc::BPF_LDX | libc::BPF_MEM, BEHIND);
        self.leave_if(libc::BPF_JGT | libc::BPF_X, 0);
    }

    /// The sum of the message.
    fn add_up(&mut self) {
        self.say(libc::BPF_LD | libc::BPF_IMM, 0);
        self.say(libc::BPF_ST, SUM);
        let mut done = Vec::new();
        for at in (0..MESSAGE_MAX).step_by(4) {
            self.say(libc::BPF_LD | libc::BPF_MEM, LENGTH);
            self.program.push(jump(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, at, 1, 0));
            done.push(self.program.len());
            self.say(libc::BPF_JMP | libc::BPF_JA, 0);
            for half in [at, at + 2] {
                self.say(libc::BPF_LDX | libc::BPF_MEM, HEADER);
                self.say(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, half);
                self.add_to_sum();
            }
        }
        self.land(done);
    }

    fn add_to_sum(&mut self) {
        self.say(libc::BPF_LDX | libc::BPF_MEM, SUM);
        self.say(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0);
        self.say(libc::BPF_ST, SUM);
    }

    /// A right message and its checksum come to all ones (RFC 1071).
    fn leave_if_right(&mut self) {
        self.say(libc::BPF_LD | libc::BPF_MEM, SUM);
        for _ in 0..2 {
            self.say(libc::BPF_MISC | libc::BPF_TAX, 0);
            self.say(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xffff);
            self.say(libc::BPF_ST, HALF);
            self.say(libc::BPF_MISC | libc::BPF_TXA, 0);
            self.say(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 16);
            self.say(libc::BPF_LDX | libc::BPF_MEM, HALF);
            self.say(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0);
        }
        self.leave_if(libc::BPF_JEQ | libc::BPF_K, 0xffff);
    }

    fn finished(mut self) -> Vec<libc::sock_filter> {
        let leaving = std::mem::take(&mut self.leaving);
        self.land(leaving);
        self.program
    }

    /// These jumps lead to what comes next.
    fn land(&mut self, jumps: Vec<usize>) {
        let here = self.program.len();
        for from in jumps {
            if let Some(jump) = self.program.get_mut(from) {
                jump.k = u32::try_from(here - from - 1).unwrap_or(0);
            }
        }
    }
}
