//! Simulator, real minions, journeys, crash drills, tidy.
