import java.security.SecureRandom;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/** What every judge written in Java shares; see judge.py for the lines it prints. */
final class Checks {
    private static final long CHECK_MILLISECONDS = 90_000;

    /** The body of a check; whatever it throws is the finding. */
    interface Body {
        void run() throws Exception;
    }

    final String name;
    final String kafka;
    final String cassandra;
    private final String suffix = String.format("%08x", new SecureRandom().nextInt());
    private int count;

    Checks(String[] arguments) {
        name = arguments[0];
        kafka = arguments[1];
        cassandra = arguments[2];
    }

    String unique(String stem) {
        return "judge_" + stem + "_" + suffix;
    }

    /** Runs the body in a thread of its own, so that a call that hangs fails only this check. */
    void check(String what, Body body) throws InterruptedException {
        count++;
        Throwable[] failure = new Throwable[1];
        Thread thread = new Thread(() -> {
            try {
                body.run();
            } catch (Throwable error) {
                failure[0] = error;
            }
        });
        thread.setDaemon(true);
        thread.start();
        thread.join(CHECK_MILLISECONDS);
        if (thread.isAlive()) {
            StackTraceElement[] stack = thread.getStackTrace();
            failure[0] = new IllegalStateException("not done after " + CHECK_MILLISECONDS + " ms, in "
                    + (stack.length > 0 ? stack[0] : "nothing"));
            thread.interrupt();
        }
        if (failure[0] == null) {
            System.out.println("ok " + name + " " + what);
        } else {
            System.out.println("FAIL " + name + " " + what + ": " + words(failure[0]));
            failure[0].printStackTrace();
        }
        System.out.flush();
    }

    void finish() {
        System.out.println("done " + name + " " + count);
        System.out.flush();
        System.exit(0);
    }

    private static String words(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable at = error; at != null && text.length() < 600; at = at.getCause()) {
            text.append(text.length() > 0 ? " <- " : "").append(at);
        }
        return text.toString().replaceAll("\\s+", " ");
    }

    static void equal(Object got, Object expected, String what) {
        if (!Objects.equals(got, expected)) {
            throw new AssertionError(what + ": got " + got + ", expected " + expected);
        }
    }

    static void holds(boolean condition, String why) {
        if (!condition) {
            throw new AssertionError(why);
        }
    }

    /** Passes when the body, or a cause of what it throws, is of the kind. */
    static void refused(Class<? extends Throwable> kind, Body body) throws Exception {
        try {
            body.run();
        } catch (Exception error) {
            for (Throwable at = error; at != null; at = at.getCause()) {
                if (kind.isInstance(at)) {
                    return;
                }
            }
            throw error;
        }
        throw new AssertionError("nothing was refused, expected " + kind.getSimpleName());
    }

    static void until(BooleanSupplier condition, String why) throws InterruptedException {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            holds(System.nanoTime() < deadline, why + " within 30 s");
            Thread.sleep(100);
        }
    }
}
