import Ring
import TestSupport
import Testing

@Suite("A mailbox, used by one thread")
struct MailboxTests {
  private func message(_ number: Int) -> Message {
    Message(kind: UInt64(number % 5), payload: UInt64(number))
  }

  @Test("is empty at first")
  func startsEmpty() {
    withMailbox { mailbox in
      #expect(mailbox.pop() == nil && !mailbox.hasMessages)
      #expect(!mailbox.publish())
    }
  }

  @Test("shows its messages when they are published, not before")
  func publishing() {
    withMailbox { mailbox in
      #expect(mailbox.push(message(1)) && mailbox.push(message(2)))
      #expect(mailbox.pop() == nil && !mailbox.hasMessages)
      #expect(mailbox.publish())
      #expect(mailbox.hasMessages)
      #expect(mailbox.push(message(3)))
      #expect(mailbox.pop() == message(1) && mailbox.pop() == message(2))
      #expect(mailbox.pop() == nil && !mailbox.hasMessages)
      #expect(mailbox.publish())
      #expect(mailbox.pop() == message(3) && mailbox.pop() == nil)
    }
  }

  @Test("says whether there was anything to publish")
  func publishesOnce() {
    withMailbox { mailbox in
      #expect(mailbox.push(message(1)))
      #expect(mailbox.publish())
      #expect(!mailbox.publish())
      #expect(mailbox.pop() == message(1))
      #expect(!mailbox.publish())
    }
  }

  @Test("holds 1,024 messages; places are free again when the consumer releases them")
  func full() {
    withMailbox { mailbox in
      for number in 0..<Mailbox.capacity { #expect(mailbox.push(message(number))) }
      #expect(!mailbox.push(message(-1 & 0xff)))
      mailbox.publish()
      #expect(!mailbox.push(message(7)))
      #expect(mailbox.pop() == message(0) && mailbox.pop() == message(1))
      #expect(!mailbox.push(message(7)))
      mailbox.release()
      #expect(mailbox.push(message(1_024)) && mailbox.push(message(1_025)))
      #expect(!mailbox.push(message(7)))
      mailbox.publish()
      for number in 2..<1_026 { #expect(mailbox.pop() == message(number)) }
      #expect(mailbox.pop() == nil)
    }
  }

  @Test("is a queue, however pushing, publishing, taking and releasing alternate, round and round")
  func model() {
    var random = SeededRandom(test: "MailboxTests.model")
    withMailbox { mailbox in
      var next = 0
      var published = 0
      var taken = 0
      var released = 0
      for _ in 0..<30_000 {
        let count = random.below(random.below(8) == 0 ? 1_200 : 40)
        switch random.below(4) {
        case 0:
          for _ in 0..<count {
            let fits = next - released < Mailbox.capacity
            if mailbox.push(message(next)) != fits { Issue.record("full at the wrong time, \(random)") }
            if fits { next += 1 }
          }
        case 1:
          if mailbox.publish() != (next > published) { Issue.record("publish is wrong, \(random)") }
          published = next
        case 2:
          for _ in 0..<count {
            let popped = mailbox.pop()
            if popped != (taken < published ? message(taken) : nil) {
              Issue.record("\(taken) of \(published) is \(String(describing: popped)), \(random)")
            }
            if popped != nil { taken += 1 }
          }
        default:
          mailbox.release()
          released = taken
        }
        if mailbox.hasMessages != (taken < published) { Issue.record("hasMessages is wrong, \(random)") }
      }
      // Many times round.
      #expect(taken > 20 * Mailbox.capacity, "\(random)")
    }
  }

  @Test("is the same in every copy, and another than the next")
  func copies() {
    withMailbox { first in
      withMailbox { second in
        let copy = first
        #expect(copy.push(message(1)))
        first.publish()
        second.publish()
        #expect(second.pop() == nil)
        #expect(copy.pop() == message(1) && first.pop() == nil)
      }
    }
  }
}
