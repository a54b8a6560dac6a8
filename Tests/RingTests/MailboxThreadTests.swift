import Foundation
import Ring
import Synchronization
import TestSupport
import Testing

/// What two threads share: mailboxes and sleep flags. The thread sanitizer runs these.
@Suite("A mailbox between two threads", .serialized)
struct MailboxThreadTests {
  @Test("delivers every message once and in order, however both sides hurry or dawdle", arguments: 0..<3)
  func stress(number: Int) {
    let random = SeededRandom(test: "MailboxThreadTests.stress \(number)")
    let count = 200_000
    withMailbox { mailbox in
      let mailbox = mailbox
      onThreads(
        {
          var random = SeededRandom(seed: random.seed)
          var next = 0
          while next < count {
            let burst = 1 + random.below(random.below(16) == 0 ? 2_000 : 30)
            for _ in 0..<min(burst, count - next) {
              let message = Message(kind: UInt64(next & 7), payload: UInt64(next))
              // A full box is emptied only after what is in it has been published.
              var isPushed = mailbox.push(message)
              if !isPushed {
                mailbox.publish()
                isPushed = spin { mailbox.push(message) }
              }
              guard isPushed else {
                Issue.record("the consumer stopped")
                return
              }
              next += 1
            }
            mailbox.publish()
            if random.below(8) == 0 { sched_yield() }
          }
        },
        {
          var random = SeededRandom(seed: ~random.seed)
          var next = 0
          while next < count {
            guard spin(until: { mailbox.hasMessages }) else {
              Issue.record("message \(next) of \(count) did not come")
              return
            }
            let burst = 1 + random.below(300)
            for _ in 0..<burst {
              guard let message = mailbox.pop() else { break }
              if message != Message(kind: UInt64(next & 7), payload: UInt64(next)) {
                Issue.record("\(message) instead of \(next)")
                return
              }
              next += 1
            }
            mailbox.release()
            if random.below(8) == 0 { sched_yield() }
          }
          #expect(mailbox.pop() == nil)
        })
    }
  }

  @Test("hands over what the messages point to")
  func handsOverMemory() {
    let random = SeededRandom(test: "MailboxThreadTests.handsOverMemory")
    let count = 50_000
    withMailbox { there in
      withMailbox { back in
        let (there, back) = (there, back)
        onThreads(
          {
            var next = 0
            var returned = 0
            while returned < count {
              if next < count, next - returned < 500 {
                let words = UnsafeMutablePointer<Int>.allocate(capacity: 4)
                words.initialize(repeating: next, count: 4)
                _ = there.push(Message(kind: 1, payload: UInt64(UInt(bitPattern: words))))
                next += 1
              }
              there.publish()
              while let message = back.pop() {
                let words = UnsafeMutablePointer<Int>(bitPattern: UInt(message.payload))!
                if (0..<4).contains(where: { words[$0] != -returned }) {
                  Issue.record("block \(returned) is not what was answered")
                }
                words.deallocate()
                returned += 1
              }
              back.release()
              if next - returned >= 500 || next == count { sched_yield() }
            }
          },
          {
            var random = SeededRandom(seed: random.seed)
            var answered = 0
            while answered < count {
              guard spin(until: { there.hasMessages }) else {
                Issue.record("message \(answered) did not come")
                return
              }
              for _ in 0...random.below(50) {
                guard let message = there.pop() else { break }
                let words = UnsafeMutablePointer<Int>(bitPattern: UInt(message.payload))!
                for index in 0..<4 { words[index] = -words[index] }
                _ = back.push(message)
                answered += 1
              }
              there.release()
              back.publish()
            }
          })
      }
    }
  }
}

/// A loop that announces its sleep, and another that wakes it when it must.
@Suite("A mailbox whose receiver sleeps", .serialized)
struct MailboxSleepTests {
  @Test("one sender of several may wake a sleeping receiver, none one that is awake")
  func claims() {
    let flag = SleepFlag()
    #expect(!flag.claimsWakeUp())
    flag.announce()
    #expect(flag.claimsWakeUp())
    #expect(!flag.claimsWakeUp())
    flag.announce()
    flag.clear()
    #expect(!flag.claimsWakeUp())
  }

  @Test("no wake-up is lost, however closely sending and falling asleep meet")
  func noLostWakeUp() {
    let random = SeededRandom(test: "MailboxSleepTests.noLostWakeUp")
    // As many meetings as a few seconds have room for: on a busy machine each can take a turn of the scheduler.
    let (countMinimum, countMaximum) = (2_000, 100_000)
    let deadline = ContinuousClock.now + .seconds(5)
    withMailbox { mailbox in
      let mailbox = mailbox
      let flag = SleepFlag()
      let bell = DispatchSemaphore(value: 0)
      let shared = Shared()
      onThreads(
        {
          var random = SeededRandom(seed: random.seed)
          for number in 1...countMaximum {
            let isLast = number == countMaximum || number >= countMinimum && ContinuousClock.now > deadline
            _ = mailbox.push(Message(kind: isLast ? 1 : 0, payload: UInt64(number)))
            mailbox.publish()
            if flag.claimsWakeUp() {
              shared.wakeUps.add(1, ordering: .relaxed)
              bell.signal()
            }
            // The next message would hide that this one's wake-up was lost.
            if !spin(until: { shared.received.load(ordering: .acquiring) == number }) || isLast { return }
            for _ in 0..<random.below(200) { shared.noise.add(1, ordering: .relaxed) }
          }
        },
        {
          var random = SeededRandom(seed: ~random.seed)
          var received = 0
          var isLast = false
          while !isLast {
            while let message = mailbox.pop() {
              received += 1
              isLast = message.kind == 1
            }
            mailbox.release()
            shared.received.store(received, ordering: .releasing)
            if isLast { return }
            for _ in 0..<random.below(200) { shared.noise.add(1, ordering: .relaxed) }
            flag.announce()
            if !mailbox.hasMessages, bell.wait(timeout: .now() + patienceSeconds) == .timedOut {
              Issue.record("asleep with message \(received + 1) waiting, \(random)")
              return
            }
            flag.clear()
          }
        })
      // Both ways out of the race are taken.
      let wakeUps = shared.wakeUps.load(ordering: .relaxed)
      let received = shared.received.load(ordering: .relaxed)
      #expect(wakeUps > 0 && wakeUps <= received)
      #expect(received >= countMinimum)
    }
  }

  private final class Shared: Sendable {
    let received = Atomic<Int>(0)
    let wakeUps = Atomic<Int>(0)
    let noise = Atomic<Int>(0)
  }
}
